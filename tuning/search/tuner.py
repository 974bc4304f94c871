"""KerasTuner's four tuners, made to survive trials that diverge and processes that are killed."""

import functools
import time
from collections.abc import Callable
from typing import Any

import keras_tuner

from rnnzoo.tuning.search.divergence import Divergence, DivergenceError, DivergenceGuard
from rnnzoo.tuning.search.resumption import mend

__all__ = [
    "ALGORITHMS",
    "DIVERGED_AT",
    "SECONDS",
    "BayesianOptimization",
    "GridSearch",
    "GuardedTuner",
    "Hyperband",
    "RandomSearch",
    "make_tuner",
]

# What a trial's metrics hold beside those of Keras.
DIVERGED_AT = "diverged_at"  # the share of its training that a diverged trial has done; healthy trials lack it
SECONDS = "seconds"  # how long a diverged trial took


class GuardedTuner(keras_tuner.Tuner):
    """A KerasTuner tuner in which a diverged trial is a finite bad score. Everything else is KerasTuner's own API.

    It goes in front of any tuner class, `class MyTuner(GuardedTuner, keras_tuner.RandomSearch)`, or takes an oracle as
    `keras_tuner.Tuner` does. A folder that exists is resumed, as KerasTuner does it, also where the process was killed
    between the two files that KerasTuner writes per trial: finished trials are not run again.

    Args:
        args: of the KerasTuner class.
        divergence: what counts as diverged, in the units of the user's own loss: there is no default.
        on_trial: called with each trial once it is over.
        kwargs: of the KerasTuner class.

    Raises:
        ValueError: if a diverged trial cannot be scored in terms of the objective.

    Example:
        >>> import keras, math, tempfile
        >>> class Fragile(keras_tuner.HyperModel):
        ...     def build(self, hp):
        ...         hp.Choice("learning_rate", [0.1, 100.0])
        ...         return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        ...     def fit(self, hp, model, **kwargs):
        ...         return math.nan if hp["learning_rate"] > 1 else 3.0
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tuner = GridSearch(Fragile(), "val_loss", directory=folder, divergence=Divergence(bound=20.0))
        ...     tuner.search(verbose=0)
        >>> {trial.hyperparameters["learning_rate"]: float(trial.score) for trial in tuner.oracle.trials.values()}
        {0.1: 3.0, 100.0: 30.0}
    """

    def __init__(
        self,
        *args: Any,
        divergence: Divergence,
        on_trial: Callable[[keras_tuner.engine.trial.Trial], None] | None = None,
        **kwargs: Any,
    ) -> None:
        self.divergence = divergence
        self.on_trial = on_trial
        super().__init__(*args, **kwargs)
        divergence.check_objective(self.oracle.objective)

    def run_trial(self, trial: keras_tuner.engine.trial.Trial, *args: Any, **kwargs: Any) -> Any:
        objective = self.oracle.objective
        guard = DivergenceGuard(self.divergence, objective)
        begin = time.monotonic()
        try:
            self._check_predecessor(trial)
            kwargs["callbacks"] = [guard, *kwargs.get("callbacks", ())]
            results = super().run_trial(trial, *args, **kwargs)
            self.divergence.examine(results, objective)
        except DivergenceError as end:
            trial.message = f"diverged: {end.reason}"
            score = self.divergence.score(end.progress, objective.direction)
            return {objective.name: score, DIVERGED_AT: end.progress, SECONDS: time.monotonic() - begin}
        return results

    def on_trial_end(self, trial: keras_tuner.engine.trial.Trial) -> None:
        super().on_trial_end(trial)
        if self.on_trial is not None:
            self.on_trial(self.oracle.get_trial(trial.trial_id))

    def reload(self) -> None:
        super().reload()
        mend(self.oracle)

    def _check_predecessor(self, trial: keras_tuner.engine.trial.Trial) -> None:
        """Hyperband trains on from the weights of a trial of the rung below; a diverged one has left none."""
        name = trial.hyperparameters.values.get("tuner/trial_id")
        if name is not None and self.oracle.get_trial(name).metrics.exists(DIVERGED_AT):
            raise DivergenceError(f"so did trial {name}, from which this one goes on", 0.0)


class RandomSearch(GuardedTuner, keras_tuner.RandomSearch):
    """`keras_tuner.RandomSearch`, guarded."""


class BayesianOptimization(GuardedTuner, keras_tuner.BayesianOptimization):
    """`keras_tuner.BayesianOptimization`, guarded. Needs scikit-learn: `pip install 'rnnzoo[bayesian]'`."""


class Hyperband(GuardedTuner, keras_tuner.Hyperband):
    """`keras_tuner.Hyperband`, guarded. It carries weights from rung to rung, not the state of the optimizer."""


class GridSearch(GuardedTuner, keras_tuner.GridSearch):
    """`keras_tuner.GridSearch`, guarded, and resumable: KerasTuner's own ends at once where it is resumed."""

    def reload(self) -> None:
        super().reload()
        # The order of the grid is all in memory and never saved: rebuild it from the trials.
        oracle = self.oracle

        def compare(one: str, other: str) -> int:
            return oracle._compare(*(oracle.trials[name].hyperparameters.values for name in (one, other)))

        for name in sorted(oracle.trials, key=functools.cmp_to_key(compare)):
            oracle._ordered_ids.insert(name)
        oracle._populate_next = list(oracle.start_order)


ALGORITHMS: dict[str, type[GuardedTuner]] = {
    "random": RandomSearch,
    "bayesian": BayesianOptimization,
    "hyperband": Hyperband,
    "grid": GridSearch,
}


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
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, but got {algorithm=}.")
    if max_trials < 1:
        raise ValueError(f"max_trials must be a positive integer, but got {max_trials=}.")
    if seed < 0:
        raise ValueError(f"seed must not be negative, but got {seed=}.")
    kwargs["seed"] = seed + 1  # KerasTuner takes 0 for none, and draws one
    if algorithm == "hyperband":
        tuner = Hyperband(hypermodel, max_epochs=epochs, **kwargs)
        tuner.oracle.max_trials = max_trials
        return tuner
    try:
        return ALGORITHMS[algorithm](hypermodel, max_trials=max_trials, **kwargs)
    except ImportError as error:
        raise ImportError("bayesian search needs scikit-learn: pip install 'rnnzoo[bayesian]'") from error
