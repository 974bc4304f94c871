"""KerasTuner's four tuners, guarded, and the one to use by its name."""

from typing import Any

import keras_tuner

from rnnzoo.models.arguments import whole
from rnnzoo.tuning.search.keras_tuner_inside import restore_grid_order
from rnnzoo.tuning.search.tuner import GuardedTuner

__all__ = [
    "ALGORITHMS",
    "BayesianOptimization",
    "GridSearch",
    "Hyperband",
    "RandomSearch",
    "check_algorithm",
    "make_tuner",
]


class RandomSearch(GuardedTuner, keras_tuner.RandomSearch):
    """`keras_tuner.RandomSearch`, guarded."""


class BayesianOptimization(GuardedTuner, keras_tuner.BayesianOptimization):
    """`keras_tuner.BayesianOptimization`, guarded. Needs scikit-learn: `pip install scikit-learn`."""


class Hyperband(GuardedTuner, keras_tuner.Hyperband):
    """`keras_tuner.Hyperband`, guarded. It carries weights from rung to rung, not the state of the optimizer."""


class GridSearch(GuardedTuner, keras_tuner.GridSearch):
    """`keras_tuner.GridSearch`, guarded, and resumable: KerasTuner's own ends at once where it is resumed.

    Example:
        A Keras model that has nothing to do with the zoo:

        >>> import keras, numpy, tempfile
        >>> from rnnzoo.tuning.search import Divergence, MedianPruner
        >>> def build(hp):
        ...     model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
        ...     rate = hp.Choice("rate", [0.01, 0.02, 1e-9, 1e30], ordered=False)
        ...     model.compile(keras.optimizers.SGD(rate), loss="mse")
        ...     return model
        >>> x, y = numpy.ones((64, 3)), numpy.zeros(64)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     options = {"divergence": Divergence(bound=100.0), "pruner": MedianPruner(startup=2)}
        ...     tuner = GridSearch(build, "val_loss", directory=folder, **options)
        ...     tuner.search(x, y, validation_data=(x, y), epochs=2, batch_size=4, verbose=0)
        ...     outcomes = [tuner.trial_folder(name).outcome() for name in tuner.oracle.start_order]
        >>> {one.values["rate"]: one.status for one in outcomes}
        {0.01: 'completed', 0.02: 'completed', 1e-09: 'pruned', 1e+30: 'diverged'}
        >>> [one.verdict for one in outcomes]  # of the third there are too few losses to say
        ['healthy', 'healthy', None, 'exploding']
        >>> tuner.get_best_hyperparameters()[0]["rate"]
        0.02
    """

    def reload(self) -> None:
        """Go on with the trials of the project's folder, in the order of the grid."""
        super().reload()
        restore_grid_order(self.oracle)


ALGORITHMS: dict[str, type[GuardedTuner]] = {
    "random": RandomSearch,
    "bayesian": BayesianOptimization,
    "hyperband": Hyperband,
    "grid": GridSearch,
}


def check_algorithm(algorithm: str) -> None:
    """Raise a ValueError if there is no algorithm of this name."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, but got {algorithm=}.")


def make_tuner(
    algorithm: str,
    hypermodel: keras_tuner.HyperModel,
    *,
    max_trials: int,
    epochs: int,
    seed: int,
    **kwargs: Any,
) -> GuardedTuner:
    """The tuner called `algorithm`, "random", "bayesian", "hyperband" or "grid".

    Args:
        algorithm: a key of `ALGORITHMS`.
        hypermodel: what is searched.
        max_trials: the most trials; a rung of Hyperband is a trial too.
        epochs: the most epochs of a trial, from which Hyperband makes its rungs; the others get theirs in `search`.
        seed: of the oracle.
        kwargs: of the tuner: `objective`, `directory`, `project_name`, `divergence`, ...

    Raises:
        ValueError: for another name, no trial at all, or a negative seed.
        ImportError: if "bayesian" is asked for and scikit-learn is missing.
    """
    check_algorithm(algorithm)
    max_trials = whole("max_trials", max_trials, least=1)
    kwargs["seed"] = whole("seed", seed, least=0) + 1  # KerasTuner takes 0 for none, and draws one
    if algorithm == "hyperband":
        tuner = Hyperband(hypermodel, max_epochs=epochs, **kwargs)
        tuner.oracle.max_trials = max_trials
        tuner.oracle.hyperband_iterations = max_trials  # begins again until there are so many: once is very few trials
        return tuner
    try:
        return ALGORITHMS[algorithm](hypermodel, max_trials=max_trials, **kwargs)
    except ImportError as error:
        if algorithm != "bayesian":
            raise
        raise ImportError("bayesian search needs scikit-learn: pip install scikit-learn") from error
