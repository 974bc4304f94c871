"""A search: many short trainings, in a folder that holds what came of them."""

import contextlib
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.prepared_corpus import prepare_corpus
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
from rnnzoo.tuning.search.results import SearchResult, TrialRecord
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.space import DEFAULT_SPACE, Space
from rnnzoo.tuning.search.tuner import make_tuner
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["DEFAULT_SPACE", "SearchFailedError", "search"]


class SearchFailedError(RuntimeError):
    """Trial after trial ended in an error, though none diverged."""


def search(
    networks: Sequence[NetworkConfig | str],
    training: TrainingConfig,
    output: Path | str,
    space: Sequence[str] = DEFAULT_SPACE,
    *,
    algorithm: str = "random",
    max_trials: int = 20,
    epochs: int | None = None,
    seed: int = 0,
    resume: bool = False,
    divergence: Divergence | None = None,
    report: Callable[[str], None] = print,
) -> SearchResult:
    """Try many values of the hyperparameters and say which learnt best, by the validation loss.

    A trial that diverges ends at once, and scores worse than all that do not. What is found is in the folder after each
    trial, see `SearchFolder`.

    Args:
        networks: names or configurations, at least one; several compete with each other.
        training: the recipe; what `space` does not name stays as it is there.
        output: the search's folder.
        space: what varies, as `parse_hyperparameters` reads it; by default the learning rate from 1e-5 to 100 and
            `clipnorm` from 0.01 to 100, both on log scales.
        algorithm: "random", "bayesian", "hyperband" or "grid".
        max_trials: the most trials in all; a higher one extends a search that is resumed.
        epochs: the most epochs of a trial; None (default) takes those of `training`.
        seed: of the algorithm; each training has the seed of `training`.
        resume: go on with the search in `output`; finished trials are not run again, an interrupted one is.
        divergence: what counts as diverged; None (default) is a loss, the mean of an epoch so far, that is no number or
            above `2 ln V`, twice the loss of guessing each of the V words with equal probability.
        report: called with one line for each trial once it is over.

    Returns:
        All trials, and the best one's configuration.

    Raises:
        FileExistsError: if `output` holds something and `resume` was not asked for.
        FileNotFoundError: if there is nothing to resume, or no such corpus.
        ValueError: for hyperparameters that cannot be, or if a search is resumed as another one.
        ImportError: if "bayesian" is asked for and scikit-learn is missing.
        SearchFailedError: if three trials in a row end in an error.
    """
    configs = [NetworkConfig(network=one) if isinstance(one, str) else one for one in networks]
    chosen = Space(configs, training, space)
    epochs = training.epochs if epochs is None else epochs
    if epochs < 1:
        raise ValueError(f"epochs must be a positive integer, but got {epochs=}.")
    folder = SearchFolder(Path(output))
    if not resume:
        folder.check_is_free()
    corpus = prepare_corpus(training)
    divergence = divergence or Divergence(bound=2 * math.log(len(corpus.vocabulary)))
    identity = {
        **chosen.describe(),
        "corpus": corpus.facts(),
        "algorithm": algorithm,
        "epochs": epochs,
        "seed": seed,
        "divergence": asdict(divergence),
    }
    if resume:
        folder.check_is_resumable(identity)

    def after_trial(trial: Any) -> None:
        result = _collect(folder, chosen, tuner.oracle)
        folder.write_result(result)
        report(result.trials[tuner.oracle.start_order.index(trial.trial_id)].line(max_trials))

    with contextlib.redirect_stdout(io.StringIO()):  # KerasTuner says that it reloads, and which file
        tuner = make_tuner(
            algorithm,
            LanguageHyperModel(chosen, corpus),
            max_trials=max_trials,
            epochs=epochs,
            seed=seed,
            objective="val_loss",
            directory=folder.path,
            project_name=SearchFolder.TRIALS,
            divergence=divergence,
            on_trial=after_trial,
        )
    folder.write_identity(identity)
    try:
        tuner.search(epochs=epochs, verbose=0)
    except RuntimeError as error:
        failed = [trial for trial in _collect(folder, chosen, tuner.oracle).trials if trial.status == "failed"]
        if not failed or "consecutive failures" not in str(error):
            raise
        raise SearchFailedError(f"Three trials in a row failed, the last one with {failed[-1].message}") from error
    result = _collect(folder, chosen, tuner.oracle)
    folder.write_result(result)
    return result


def _collect(folder: SearchFolder, space: Space, oracle: Any) -> SearchResult:
    """What the trials of a KerasTuner oracle have found so far."""
    trials = [oracle.trials[name] for name in oracle.start_order]
    records = tuple(
        TrialRecord.from_trial(trial, number, space.decode(trial.hyperparameters.values))
        for number, trial in enumerate(trials, start=1)
    )
    completed = [
        (record, trial) for record, trial in zip(records, trials, strict=True) if record.perplexity is not None
    ]
    if not completed:
        return SearchResult(folder=folder.path, trials=records)
    best, winner = min(completed, key=lambda pair: pair[0].score or math.inf)
    network, training = space.declare(winner.hyperparameters.copy())
    return SearchResult(folder=folder.path, trials=records, best=best, network=network, training=training)
