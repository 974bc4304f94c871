"""A chief and its workers, here in threads."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import keras
import keras_tuner
import pytest
from waiting import wait_for

from rnnzoo.tuning.search import Divergence, RandomSearch
from rnnzoo.tuning.search.keras_tuner_inside import OracleClient, OracleServicer
from rnnzoo.tuning.search.trial_folder import TrialFolder, TrialOutcome
from rnnzoo.tuning.search.workers import oracle_client
from rnnzoo.tuning.search.workers.chief import serve
from rnnzoo.tuning.search.workers.oracle_client import PatientOracleClient
from rnnzoo.tuning.search.workers.roles import Address, ChiefError, free_address, role_environment


class Line(keras_tuner.HyperModel):
    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
        return float(hp["x"])


class Served:
    """A chief in a thread."""

    def __init__(self, folder: Path, max_trials: int = 2, lease: float = 60.0, **options: Any) -> None:
        self.folder = folder
        self.tuner = tuner_in(folder, max_trials, **options)
        self.address = free_address()
        self.errors: list[Exception] = []
        self._thread = threading.Thread(target=self._serve, args=(lease,), daemon=True)
        self._thread.start()

    def _serve(self, lease: float) -> None:
        try:
            serve(self.tuner, self.address, lease)
        except Exception as error:
            self.errors.append(error)

    def worker(self, name: str, **options: Any) -> PatientOracleClient:
        with environment(role_environment(name, self.address)):
            return PatientOracleClient(
                self.tuner.oracle,
                self.address,
                name,
                Path(self.tuner.project_dir),
                **{"patience": 20.0, "beat": 0.2, "on_lost": bool, **options},
            )

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def tuner_in(folder: Path, max_trials: int = 2, **options: Any) -> RandomSearch:
    divergence = Divergence(bound=9.0)
    return RandomSearch(
        Line(), "val_loss", max_trials=max_trials, seed=1, directory=folder, divergence=divergence, **options
    )


@contextlib.contextmanager
def environment(variables: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def finish(worker: Any, trial: Any) -> None:
    worker.update_trial(trial.trial_id, {"val_loss": trial.hyperparameters["x"]})
    trial.status = "COMPLETED"
    worker.end_trial(trial)


def stopped(worker: Any) -> bool:
    return bool(worker.create_trial(worker.tuner_id).status == "STOPPED")


def test_workers_share_the_trials(tmp_path: Path) -> None:
    seen: list[str] = []
    served = Served(tmp_path, on_trial=lambda trial: seen.append(trial.trial_id))
    one, other = served.worker("one"), served.worker("other")
    first, second = one.create_trial("one"), other.create_trial("other")
    assert first.trial_id != second.trial_id
    finish(one, first)
    finish(other, second)
    assert stopped(one)
    assert stopped(other)
    served.join()
    assert [first.trial_id, second.trial_id] == seen == served.tuner.oracle.end_order
    assert not served.errors


def test_workers_of_keras_tuner_itself_may_join(tmp_path: Path) -> None:
    served = Served(tmp_path, max_trials=1, lease=0.1)
    with environment(role_environment("stock", served.address)):
        worker = OracleClient(served.tuner.oracle)
    trial = worker.create_trial("stock")
    time.sleep(1.2)  # it gives no sign of life, and has its trial all the same
    finish(worker, trial)
    assert stopped(worker)
    served.join()
    assert "COMPLETED" == served.tuner.oracle.trials[trial.trial_id].status


def test_a_silent_workers_trial_goes_to_another_and_counts_once(tmp_path: Path) -> None:
    lost = threading.Event()
    served = Served(tmp_path, max_trials=1, lease=0.5)
    silent, other = served.worker("silent", beat=4.0, on_lost=lost.set), served.worker("other")
    mine = silent.create_trial("silent")
    taken = other.create_trial("other")
    assert mine.trial_id == taken.trial_id
    silent.update_trial(mine.trial_id, {"val_loss": 7.0})
    assert lost.wait(20)
    mine.status = "COMPLETED"
    silent.end_trial(mine)
    assert "RUNNING" == served.tuner.oracle.trials[mine.trial_id].status
    finish(other, taken)
    assert stopped(other)
    served.join()
    assert taken.hyperparameters["x"] == pytest.approx(served.tuner.oracle.trials[taken.trial_id].score)


def test_a_process_with_the_name_of_a_dead_one_goes_on_with_its_trial(tmp_path: Path) -> None:
    served = Served(tmp_path, max_trials=1)
    dead = served.worker("one").create_trial("one")
    heir = served.worker("one")
    trial = heir.create_trial("one")
    assert dead.trial_id == trial.trial_id
    finish(heir, trial)
    assert stopped(heir)
    served.join()


def test_a_trial_that_kills_its_workers_fails_in_the_end(tmp_path: Path) -> None:
    served = Served(tmp_path, max_trials=1)
    for _ in range(3):
        assert "RUNNING" == served.worker("one").create_trial("one").status
    assert stopped(served.worker("one"))
    served.join()
    (trial,) = served.tuner.oracle.trials.values()
    assert ("FAILED", "3 processes died of it, one after the other.") == (trial.status, trial.message)


def test_idle_workers_sleep_and_stay_while_a_trial_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    create = OracleServicer.CreateTrial

    def counted(self: Any, request: Any, context: Any) -> Any:
        calls.append(request.tuner_id)
        return create(self, request, context)

    monkeypatch.setattr(OracleServicer, "CreateTrial", counted)
    served = Served(tmp_path, max_trials=1)
    busy, idle = served.worker("busy"), served.worker("idle")
    trial = busy.create_trial("busy")
    waiting = threading.Thread(target=idle.create_trial, args=("idle",), daemon=True)
    begin = time.monotonic()
    waiting.start()
    wait_for(lambda: calls.count("idle") >= 4)
    assert time.monotonic() - begin > 0.7  # 0.2 + 0.3 + 0.45, less what clocks round
    assert waiting.is_alive()
    finish(busy, trial)
    assert stopped(busy)
    served.join()
    waiting.join(10)
    assert not waiting.is_alive()


def test_scores_are_exact_and_messages_arrive_though_the_protocol_has_no_room(tmp_path: Path) -> None:
    served = Served(tmp_path, max_trials=1)
    worker = served.worker("one")
    trial = worker.create_trial("one")
    outcome = TrialOutcome(
        status="pruned",
        begin=0.0,
        end=1.0,
        seconds=1.0,
        at=1.0,
        of=2.0,
        message="hopeless",
        metrics={"val_loss": 1 / 3},
    )
    TrialFolder(Path(served.tuner.get_trial_dir(trial.trial_id))).conclude(outcome)
    worker.update_trial(trial.trial_id, {"val_loss": 1 / 3})
    trial.status = "COMPLETED"
    worker.end_trial(trial)
    assert stopped(worker)
    served.join()
    (told,) = served.tuner.oracle.trials.values()
    assert (1 / 3, "hopeless") == (told.score, told.message)


def test_three_failures_in_a_row_end_the_search_for_all(tmp_path: Path) -> None:
    served = Served(tmp_path, max_trials=9)
    worker, other = served.worker("one"), served.worker("other")
    for _ in range(3):
        trial = worker.create_trial("one")
        trial.status = "INVALID"
        worker.end_trial(trial)
    assert stopped(other)
    served.join()
    assert "consecutive failures" in str(served.errors[0])


def test_what_fails_in_the_chief_is_raised_there_and_told_to_the_workers(tmp_path: Path) -> None:
    def full(trial: Any) -> None:
        raise OSError(28, "No space left on device", "trials.json")

    served = Served(tmp_path, on_trial=full)
    worker = served.worker("one")
    with pytest.raises(ChiefError, match=r"the chief at 127\.0\.0\.1:\d+ failed: .*No space left on device"):
        finish(worker, worker.create_trial("one"))
    served.join()
    assert isinstance(served.errors[0], OSError)


def test_a_worker_that_is_left_from_another_search_ends_nothing(tmp_path: Path) -> None:
    lost = threading.Event()
    served = Served(tmp_path, max_trials=1)
    stray, worker = served.worker("stray", on_lost=lost.set), served.worker("one")
    beating = threading.Thread(target=stray._tell_it_lives, args=("unknown", threading.Event()), daemon=True)
    beating.start()
    assert lost.wait(20)
    assert "STOPPED" == stray.update_trial("unknown", {"val_loss": 0.0}).status
    stray.end_trial(keras_tuner.engine.trial.Trial(keras_tuner.HyperParameters(), "unknown", status="COMPLETED"))
    finish(worker, worker.create_trial("one"))
    assert stopped(worker)
    served.join()
    assert not served.errors


def test_a_worker_of_another_search_is_refused(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text("{}")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "search.json").write_text('{"algorithm": "grid"}')
    served = Served(tmp_path, max_trials=1)
    worker = served.worker("one")
    with environment(role_environment("stray", served.address)):
        stray = PatientOracleClient(
            served.tuner.oracle, served.address, "stray", tmp_path / "other" / "trials", patience=20.0
        )
    with pytest.raises(ChiefError, match=r"the chief at .* refused: a worker must be of the search that its chief ru"):
        stray.create_trial("stray")
    finish(worker, worker.create_trial("one"))
    assert stopped(worker)
    served.join()
    assert not served.errors


def test_a_search_begun_in_one_process_is_resumed_by_a_chief(tmp_path: Path) -> None:
    alone = tuner_in(tmp_path, max_trials=1)
    alone.search(verbose=0)
    with environment(role_environment("chief", Address("127.0.0.1", 1))):
        chief = tuner_in(tmp_path, max_trials=2)
    assert list(alone.oracle.trials) == list(chief.oracle.trials)


def test_two_chiefs_on_one_port(tmp_path: Path) -> None:
    served = Served(tmp_path / "one")
    served.worker("one")  # it listens
    with pytest.raises(ChiefError, match=rf"needs an address of its own, but {served.address} is taken"):
        serve(tuner_in(tmp_path / "other"), served.address)


def test_a_chief_elsewhere_is_none_here(tmp_path: Path) -> None:
    with pytest.raises(ChiefError, match=r"192\.0\.2\.1:9 is taken or not this machine's"):
        serve(tuner_in(tmp_path), Address("192.0.2.1", 9))


def test_a_chief_that_cannot_be_reached(tmp_path: Path) -> None:
    address = free_address()
    with (
        environment(role_environment("one", address)),
        pytest.raises(ChiefError, match=rf"nobody answers at {address} for 0\.3 seconds"),
    ):
        PatientOracleClient(keras_tuner.oracles.RandomSearchOracle("val_loss"), address, "one", tmp_path, patience=0.3)


def test_a_chief_that_is_lost_in_a_trial_is_no_fault_of_the_trial(tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    address = Address("127.0.0.1", server.add_insecure_port("127.0.0.1:0"))
    server.start()
    oracle = keras_tuner.oracles.RandomSearchOracle("val_loss")
    with environment(role_environment("one", address)):
        worker = PatientOracleClient(oracle, address, "one", tmp_path, patience=0.5)
    server.stop(None).wait()
    trial = keras_tuner.engine.trial.Trial(keras_tuner.HyperParameters(), "0", status="COMPLETED")
    for call, *arguments in (
        (worker.create_trial, "one"),
        (worker.get_trial, "0"),
        (worker.update_trial, "0", {"val_loss": 1.0}),
        (worker.end_trial, trial),
    ):
        with pytest.raises(keras_tuner.errors.FatalError, match=f"{address} has not answered for 0.5 seconds"):
            call(*arguments)


def test_a_folder_that_is_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle_client, "_FOLDER_SECONDS", 0.1)
    worker = Served(tmp_path / "here").worker("one")
    worker._project = tmp_path / "elsewhere"
    with pytest.raises(FileNotFoundError, match="must share the folder of the search with its chief"):
        worker.create_trial("one")
