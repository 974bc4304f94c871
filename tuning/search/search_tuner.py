"""The tuner of a search, as its plan and its folder say, and what its trials have found."""

import contextlib
import io
import math
from typing import Any

from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus
from rnnzoo.tuning.search.algorithms import make_tuner
from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
from rnnzoo.tuning.search.results import SearchResult, TrialRecord
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.search.trial_folder import TrialFolder
from rnnzoo.tuning.search.tuner import GuardedTuner

__all__ = ["collect", "make_search_tuner"]


def make_search_tuner(
    plan: SearchPlan, folder: SearchFolder, corpus: PreparedCorpus, *, max_trials: int, **options: Any
) -> GuardedTuner:
    """The tuner of a search, which goes on with what it finds in the folder.

    Args:
        plan: what is searched.
        folder: where.
        corpus: the plan's.
        max_trials: the most trials in all.
        options: further ones of the tuner: `on_trial`, `deadline`, `distribution_strategy`, ...

    Raises:
        ValueError: if KerasTuner's files are damaged.
        OSError: if the folder cannot be made.
        ImportError: if scikit-learn is needed and missing.
    """
    training = plan.space.training
    hypermodel = LanguageHyperModel(plan.space, corpus)
    (folder.path / SearchFolder.TRIALS).mkdir(parents=True, exist_ok=True)  # its refusal says more than TensorFlow's
    with contextlib.redirect_stdout(io.StringIO()):  # KerasTuner says that it reloads, and which file
        return make_tuner(
            plan.algorithm,
            hypermodel,
            max_trials=max_trials,
            epochs=training.epochs,
            seed=training.seed,
            directory=folder.path,
            project_name=SearchFolder.TRIALS,
            objective="val_loss",
            divergence=plan.divergence,
            pruner=plan.pruner,
            report_every=plan.report_every,
            watch_gradients=plan.watch_gradients,
            **options,
        )


def collect(folder: SearchFolder, space: Space, oracle: Any) -> SearchResult:
    """What the trials of a KerasTuner oracle have found so far."""
    trials = [oracle.trials[name] for name in oracle.start_order]
    records = tuple(_record(folder, space, trial, number) for number, trial in enumerate(trials, start=1))
    scored = [(record, trial) for record, trial in zip(records, trials, strict=True) if record.perplexity is not None]
    if not scored:
        return SearchResult(folder=folder.path, trials=records)
    best, winner = min(scored, key=lambda pair: math.inf if pair[0].score is None else pair[0].score)
    network, training = space.declare(winner.hyperparameters.copy())
    return SearchResult(folder=folder.path, trials=records, best=best, network=network, training=training)


def _record(folder: SearchFolder, space: Space, trial: Any, number: int) -> TrialRecord:
    values = {"network": next(iter(space.networks)), **space.decode(trial.hyperparameters.values)}
    outcome = TrialFolder(folder.path / SearchFolder.TRIALS / f"trial_{trial.trial_id}").outcome()
    return TrialRecord.from_trial(trial, number, values, outcome)
