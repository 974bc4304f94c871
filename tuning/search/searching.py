"""A search: many short trainings, in a folder that holds what came of them."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.arguments import real, whole
from rnnzoo.tuning import devices
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus, prepare_corpus
from rnnzoo.tuning.runs.folder_lock import locked_folder
from rnnzoo.tuning.search.algorithms import check_algorithm
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.hyperparameters import Hyperparameter
from rnnzoo.tuning.search.keras_tuner_inside import too_many_failed
from rnnzoo.tuning.search.results import SearchResult, read_result
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.search.search_tuner import collect, make_search_tuner
from rnnzoo.tuning.search.shared_search import share
from rnnzoo.tuning.search.space import DEFAULT_SPACE, Space
from rnnzoo.tuning.search.workers.sharing import Sharing
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["DEFAULT_SPACE", "SearchFailedError", "search"]


class SearchFailedError(RuntimeError):
    """Trial after trial ended in an error, though none diverged."""


def search(
    networks: Sequence[NetworkConfig | str],
    training: TrainingConfig,
    output: Path | str,
    space: Sequence[str] | Mapping[str, Hyperparameter] = DEFAULT_SPACE,
    *,
    algorithm: str = "random",
    max_trials: int = 20,
    pruning: str = "none",
    report_every: int | None = None,
    time_budget: float | None = None,
    watch_gradients: bool = False,
    resume: bool = False,
    sharing: Sharing | None = None,
    device: str = "auto",
    divergence: Divergence | None = None,
    report: Callable[[str], None] = print,
    notify: Callable[[str], None] = print,
) -> SearchResult:
    """Try many values of the hyperparameters and say which learnt best, by the validation loss.

    A trial that diverges ends at once, and scores worse than all that do not. What is found is in the folder after each
    trial, see `SearchFolder`.

    Args:
        networks: names or configurations, at least one; several compete with each other.
        training: the recipe of a trial; what `space` does not name stays as it is there. Its epochs are the most of a
            trial, its seed is that of each training and of the algorithm.
        output: the search's folder.
        space: what varies, as `parse_hyperparameters` reads it, or parsed; by default the learning rate from 1e-5 to
            100 and `clipnorm` from 0.01 to 100, both on log scales.
        algorithm: "random", "bayesian", "hyperband" or "grid".
        max_trials: the most trials in all; a higher one extends a search that is resumed.
        pruning: "none", "median" or "halving", see `rnnzoo.tuning.search.pruning`.
        report_every: the steps between two reports of a trial to the pruner; None (default), a twentieth of the trial.
        time_budget: after so many seconds no trial begins, and those that run end with the score that they have; None
            (default), never. A search that is resumed has it anew.
        watch_gradients: whether each trial's verdict sees dead and saturated units, too, at the cost of some time.
        resume: go on with the search in `output`; finished trials are not run again, an interrupted one goes on after
            its last epoch.
        sharing: which processes share the search; None (default) is this one alone, whose memory grows with the trials.
        device: what trials run on, see `rnnzoo.tuning.devices.use_device`.
        divergence: what counts as diverged; None (default) is `Divergence(bound=2 ln V)`, twice the loss of guessing
            each of the V words with equal probability.
        report: called with one line for each trial once it is over.
        notify: called with one line for each process of a shared search that died and is replaced.

    Returns:
        All trials, and the best one's configuration.

    Raises:
        FileExistsError: if `output` holds something and `resume` was not asked for.
        FileNotFoundError: if there is nothing to resume, or no such corpus.
        FolderInUseError: if another process searches in `output`.
        ValueError: for hyperparameters that cannot be, or if a search is resumed as another one.
        ImportError: if "bayesian" is asked for and scikit-learn is missing.
        SearchFailedError: if three trials in a row end in an error.
        ChiefError: if the search is shared and its chief cannot be reached, or has no address of its own.
        DiskError: if the disk takes no more; the search can be resumed once it does.
    """
    configs = [NetworkConfig(network=one) if isinstance(one, str) else one for one in networks]
    chosen = Space(configs, training, space)
    check_algorithm(algorithm)
    devices.check_device(device)
    if training.corpus == "adding":
        raise ValueError("a search must be over a text, for its score is a validation loss per word, but got 'adding'.")
    max_trials = whole("max_trials", max_trials, least=1)
    deadline = None if time_budget is None else time.time() + real("time_budget", time_budget, above=0)
    folder = SearchFolder(Path(output))
    joining = sharing is not None and sharing.chief is not None  # a search whose chief has the folder
    if not resume and not joining:
        folder.check_is_free()
    corpus = prepare_corpus(training)
    divergence = divergence or Divergence(bound=corpus.loss_bound)
    plan = SearchPlan(
        space=chosen,
        algorithm=algorithm,
        pruning=pruning,
        report_every=report_every,
        watch_gradients=watch_gradients,
        divergence=divergence,
        corpus=corpus.facts(),
    )
    if resume and not joining:
        folder.check_is_resumable(plan.as_dict())
    limits: Any = {"max_trials": max_trials, "deadline": deadline, "device": device}
    try:
        with contextlib.nullcontext() if joining else locked_folder(folder.path):
            if not resume and not joining:
                folder.check_is_free()  # still
            if sharing is not None:
                return share(folder, plan, sharing, report=report, notify=notify, **limits)
            return _search_here(folder, plan, corpus, report, **limits)
    except RuntimeError as error:
        if not too_many_failed(error):
            raise
        failed = [trial for trial in read_result(folder.path).trials if trial.status == "failed"]
        raise SearchFailedError(f"Three trials in a row failed, the last one with {failed[-1].message}") from error


def _search_here(
    folder: SearchFolder,
    plan: SearchPlan,
    corpus: PreparedCorpus,
    report: Callable[[str], None],
    *,
    max_trials: int,
    deadline: float | None,
    device: str,
) -> SearchResult:
    strategy = devices.use_device(device)

    def after_trial(trial: Any) -> None:
        result = collect(folder, plan.space, tuner.oracle)
        folder.write_result(result)
        report(result.trials[tuner.oracle.start_order.index(trial.trial_id)].line(max_trials))

    tuner = make_search_tuner(
        plan,
        folder,
        corpus,
        max_trials=max_trials,
        on_trial=after_trial,
        deadline=deadline,
        distribution_strategy=strategy,
    )
    folder.write_identity(plan.as_dict(), max_trials)
    try:
        tuner.search(epochs=plan.space.training.epochs, verbose=0)
    except RuntimeError:
        folder.write_result(collect(folder, plan.space, tuner.oracle))  # with the trial that ended the search
        raise
    result = collect(folder, plan.space, tuner.oracle)
    folder.write_result(result)
    return result
