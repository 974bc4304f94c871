"""Real processes, killed."""

import functools
import multiprocessing
import os
import runpy
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import keras_tuner
import pytest

from rnnzoo.tuning.search.workers.processes import ProcessDiedError, run_with_workers
from rnnzoo.tuning.search.workers.sharing import Sharing

SCRIPT = Path(__file__).with_name("script.py")
TRIALS = 3
PER_PROCESS = 2


@dataclass
class Killer:
    """Kills a worker with its trial running, then, with trials running, the chief, and then lets all go."""

    folder: Path
    killed: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def tick(self) -> None:
        began = self.began()
        if not self.killed:
            if len(began) == 2:
                self.killed.append(began[0][0])
                os.kill(began[0][1], signal.SIGKILL)
        elif len(self.killed) == 1:
            if Counter(value for value, _ in began)[self.killed[0]] == 2:
                (chief,) = [process for process in multiprocessing.active_children() if process.name == "chief"]
                assert chief.pid is not None
                self.killed.append("chief")
                os.kill(chief.pid, signal.SIGKILL)
        elif any("chief" in notice for notice in self.notices):
            (self.folder / "began" / "go").touch()

    def began(self) -> list[tuple[str, int]]:
        """The value and the process of each trial, in the order in which they began."""
        files = sorted((self.folder / "began").glob("* *"), key=lambda file: file.stat().st_mtime_ns)
        return [(value, int(process)) for value, process in (file.name.split() for file in files)]


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Killer:
    folder = tmp_path_factory.mktemp("search")
    (folder / "began").mkdir()
    killer = Killer(folder)
    run_with_workers(
        functools.partial(runpy.run_path, str(SCRIPT), {"FOLDER": folder, "MAX_TRIALS": TRIALS}),
        Sharing(workers=2, trials_per_process=PER_PROCESS),
        on_tick=killer.tick,
        notify=killer.notices.append,
    )
    return killer


def test_all_trials_come_to_their_end_once(survived: Killer) -> None:
    trials = [
        keras_tuner.engine.trial.Trial.load(str(file))
        for file in sorted((survived.folder / "trials").glob("trial_*/trial.json"))
    ]
    assert ["COMPLETED"] * TRIALS == [trial.status for trial in trials]
    assert [trial.hyperparameters["x"] for trial in trials] == [trial.score for trial in trials]
    assert all([1] == [len(one.value) for one in trial.metrics.get_history("val_loss")] for trial in trials)


def test_a_killed_worker_loses_its_running_trial_and_nothing_else(survived: Killer) -> None:
    times = Counter(value for value, _ in survived.began())
    assert {survived.killed[0]: 2} == {value: count for value, count in times.items() if count > 1}
    assert 2 == len({process for value, process in survived.began() if value == survived.killed[0]})


def test_it_is_said_who_died(survived: Killer) -> None:
    assert ["The worker", "The chief"] == [notice[:10].strip() for notice in survived.notices]
    assert all("died by SIGKILL; another takes its place." in notice for notice in survived.notices)


def test_processes_are_replaced_so_that_memory_stays_flat(survived: Killer) -> None:
    assert PER_PROCESS >= max(Counter(process for _, process in survived.began()).values())


def test_no_process_is_left(survived: Killer) -> None:
    assert [] == multiprocessing.active_children()
    for _, process in survived.began():
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


# Functions of the standard library, for these are found in each process under the name that they have here.
def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py") as raised:
        run_with_workers(functools.partial(runpy.run_path, "nowhere.py"), Sharing(chief="127.0.0.1:9"))
    assert any("in run_path" in note for note in raised.value.__notes__)


def test_a_process_that_dies_again_and_again_is_given_up() -> None:
    notices: list[str] = []
    with pytest.raises(ProcessDiedError, match="The worker 1 died 5 times in a row, the last time by exit code 3"):
        run_with_workers(functools.partial(os._exit, 3), Sharing(chief="127.0.0.1:9"), notify=notices.append)
    assert 4 == len(notices)


def test_what_interrupts_ends_all_processes() -> None:
    def interrupt() -> None:
        assert multiprocessing.active_children()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_with_workers(functools.partial(signal.sigwait, [signal.SIGUSR1]), Sharing(workers=2), on_tick=interrupt)
    assert [] == multiprocessing.active_children()
