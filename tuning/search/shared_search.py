"""One search shared by several processes, here and on other machines."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnzoo.damaged_files import DamagedFileError
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.devices import use_device
from rnnzoo.tuning.search.keras_tuner_inside import is_chief_oracle
from rnnzoo.tuning.search.results import SearchResult, read_result
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.search.search_tuner import collect, make_search_tuner
from rnnzoo.tuning.search.workers.processes import run_with_workers
from rnnzoo.tuning.search.workers.roles import Address, ChiefError, check_address_is_free, worker_number
from rnnzoo.tuning.search.workers.sharing import Sharing

__all__ = ["share", "take_part"]


def share(
    folder: SearchFolder,
    plan: SearchPlan,
    sharing: Sharing,
    *,
    max_trials: int,
    deadline: float | None,
    device: str,
    report: Callable[[str], None],
    notify: Callable[[str], None],
) -> SearchResult:
    """Search in several processes.

    Args:
        folder: of the search; checked to be free, or this search's, unless the chief is elsewhere.
        plan: what is searched.
        sharing: by whom.
        max_trials: the most trials in all.
        deadline: when all trials end, in seconds since 1970; None, never.
        device: what trials run on, see `use_device`.
        report: called with a line for each trial that is over.
        notify: called with a line for each process that died.

    Raises:
        ChiefError: if a chief cannot be reached, or its address is taken.
        ValueError: if the chief's search is another one.
    """
    if sharing.chief is None:
        if sharing.listen is not None:
            check_address_is_free(Address.parse(sharing.listen))
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.write_identity(plan.as_dict(), max_trials)
    else:
        _wait_for(folder, sharing)
        folder.check_is_resumable(plan.as_dict())
    over = {trial.number for trial in _trials_over(folder.path)}

    def tell() -> None:
        for trial in _trials_over(folder.path):
            if trial.number not in over:
                over.add(trial.number)
                report(trial.line(max_trials))

    run_with_workers(
        functools.partial(take_part, folder.path, max_trials, deadline, device),
        sharing,
        on_tick=tell,
        notify=notify,
    )
    return read_result(folder.path)


def take_part(folder: Path, max_trials: int, deadline: float | None, device: str) -> None:
    """Be the chief or a worker of the search in a folder, as KerasTuner's variables say."""
    place, plan = SearchFolder(folder), SearchPlan.read(folder)
    chief = is_chief_oracle()
    strategy = use_device("cpu") if chief else use_device(device, worker_number())

    def write(trial: Any) -> None:
        place.write_result(collect(place, plan.space, tuner.oracle))

    tuner = make_search_tuner(
        plan,
        place,
        prepare_corpus(plan.space.training),
        max_trials=max_trials,
        on_trial=write,
        deadline=deadline,
        distribution_strategy=strategy,
    )
    if chief:
        place.write_result(collect(place, plan.space, tuner.oracle))
    tuner.search(epochs=plan.space.training.epochs, verbose=0)


def _trials_over(folder: Path) -> list[Any]:
    try:
        return [trial for trial in read_result(folder).trials if trial.status != "running"]
    except (FileNotFoundError, DamagedFileError):  # nothing yet, or what the chief writes anew
        return []


def _wait_for(folder: SearchFolder, sharing: Sharing) -> None:
    deadline = time.monotonic() + sharing.patience
    while not folder.identity.is_file():
        if time.monotonic() > deadline:
            raise ChiefError(
                f"a worker must share the folder of the search with its chief at {sharing.chief}, "
                f"but {folder.identity} is not there after {sharing.patience:g} seconds."
            )
        time.sleep(min(1.0, sharing.patience / 10))
