"""Trials that are interrupted go on after their last epoch and end where they would have ended."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from own_search import EPOCHS, OwnModel, search_over

from rnnzoo.tuning.search import GuardedTuner


class Interrupted(OwnModel):
    """Ctrl-C in the third epoch of the second trial."""

    interrupts = True

    def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        def interrupt(epoch: int, logs: Any) -> None:
            if self.interrupts and len(self.batches) == 2 and epoch == 2:
                raise KeyboardInterrupt

        return super().fit(
            hp, model, *args, callbacks=[*callbacks, keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)], **kwargs
        )


def scores(tuner: GuardedTuner) -> dict[float, float]:
    return {trial.hyperparameters["rate"]: trial.score for trial in tuner.oracle.trials.values()}


def weights(tuner: GuardedTuner, trial_id: str) -> list[Any]:
    found: list[Any] = []
    with h5py.File(tuner.trial_folder(trial_id).path / "checkpoint.weights.h5") as file:
        file.visititems(lambda _, one: found.append(one[()]) if isinstance(one, h5py.Dataset) else None)
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> GuardedTuner:
    return search_over(OwnModel(), tmp_path_factory.mktemp("whole"))


def test_a_models_trial_goes_on_to_the_bit(whole: GuardedTuner, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search_over(Interrupted(), tmp_path)
    again = OwnModel()
    resumed = search_over(again, tmp_path)
    assert [2 * 8] == again.batches
    assert scores(whole) == scores(resumed)
    for expected, found in zip(weights(whole, "1"), weights(resumed, "1"), strict=True):
        np.testing.assert_array_equal(expected, found)
    moments = [report.at for report in resumed.trial_folder("1").reports()]
    assert moments == sorted(set(moments))
    assert moments == [report.at for report in whole.trial_folder("1").reports()]
    assert not resumed.trial_folder("1").state.exists()


def test_the_best_epoch_may_lie_before_the_interruption(tmp_path: Path) -> None:
    class Worsening(Interrupted):
        def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
            class Worsen(keras.callbacks.Callback):
                def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                    logs["val_loss"] = 1.0 + epoch

            return super().fit(hp, model, *args, callbacks=[Worsen(), *callbacks], **kwargs)

    with pytest.raises(KeyboardInterrupt):
        search_over(Worsening(), tmp_path)
    folder = tmp_path / "search" / "trial_1" / "checkpoint.weights.h5"
    before = folder.read_bytes()
    Worsening.interrupts = False
    resumed = search_over(Worsening(), tmp_path)
    trial = resumed.oracle.trials["1"]
    assert (1.0, 0) == (trial.score, trial.best_step)
    assert before == folder.read_bytes()


def test_a_trial_that_diverges_after_an_interruption_scores_as_without_one(tmp_path: Path) -> None:
    class Diverging(Interrupted):
        def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
            def ruin(epoch: int, logs: Any) -> None:
                if epoch == 3:
                    model.trainable_variables[0].assign(np.full(model.trainable_variables[0].shape, np.nan))

            ruining = keras.callbacks.LambdaCallback(on_epoch_begin=ruin)
            return super().fit(hp, model, *args, callbacks=[*callbacks, ruining], **kwargs)

    with pytest.raises(KeyboardInterrupt):
        search_over(Diverging(), tmp_path / "killed")
    Diverging.interrupts = False
    expected = scores(search_over(Diverging(), tmp_path / "whole"))
    assert expected == scores(search_over(Diverging(), tmp_path / "killed"))


def test_a_fit_that_begins_anew_has_a_model_that_does(whole: GuardedTuner, tmp_path: Path) -> None:
    class FromZero(OwnModel):
        def fit(self, hp: Any, model: keras.Model, *args: Any, initial_epoch: int = 0, **kwargs: Any) -> Any:
            return super().fit(hp, model, *args, **kwargs)

    with pytest.raises(KeyboardInterrupt):
        search_over(Interrupted(), tmp_path)
    again = FromZero()
    assert scores(whole) == scores(search_over(again, tmp_path))
    assert [EPOCHS * 8] == again.batches


def test_a_state_that_is_damaged_or_of_other_values_is_passed_over(whole: GuardedTuner, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search_over(Interrupted(), tmp_path)
    state = tmp_path / "search" / "trial_1" / "state"
    state.write_bytes(state.read_bytes()[:-1])
    again = OwnModel()
    assert scores(whole) == scores(search_over(again, tmp_path))
    assert [EPOCHS * 8] == again.batches


def test_a_state_of_another_model_is_passed_over(tmp_path: Path) -> None:
    class Wider(OwnModel):
        def build(self, hp: Any) -> keras.Model:
            model = super().build(hp)
            model.layers[0].units = 16
            return model

    with pytest.raises(KeyboardInterrupt):
        search_over(Interrupted(), tmp_path)
    again = Wider()
    resumed = search_over(again, tmp_path)
    assert ["COMPLETED"] * 2 == [trial.status for trial in resumed.oracle.trials.values()]
    assert EPOCHS * 8 == again.batches[-1]


class Twice(OwnModel):
    """Trains two times, one after the other; Ctrl-C in the third epoch of one of them."""

    def __init__(self, interrupted: int | None = None) -> None:
        super().__init__((0.05,))
        self.interrupted = interrupted

    def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        for training in range(2):
            called = functools.partial(self._interrupt, training)
            interrupt = keras.callbacks.LambdaCallback(on_epoch_begin=called)
            history = super().fit(hp, model, *args, callbacks=[*callbacks, interrupt], **kwargs)
        return history

    def _interrupt(self, training: int, epoch: int, logs: Any) -> None:
        if (training, epoch) == (self.interrupted, 2):
            raise KeyboardInterrupt


@pytest.mark.parametrize("training", [0, 1])
def test_a_trial_that_trains_twice_begins_anew(tmp_path: Path, training: int) -> None:
    expected = scores(search_over(Twice(), tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        search_over(Twice(training), tmp_path / "killed")
    again = Twice()
    assert expected == scores(search_over(again, tmp_path / "killed"))
    assert [EPOCHS * 8] * 2 == again.batches[-2:]


def test_metrics_may_be_vectors(whole: GuardedTuner, tmp_path: Path) -> None:
    class PerClass(Interrupted):
        def build(self, hp: Any) -> keras.Model:
            model = super().build(hp)
            model.compile(model.optimizer, "mse", metrics=[keras.metrics.F1Score(threshold=0.5)])
            return model

    with pytest.raises(KeyboardInterrupt):
        search_over(PerClass(), tmp_path)
    PerClass.interrupts = False
    assert scores(whole) == scores(search_over(PerClass(), tmp_path))


def test_a_trial_that_was_over_when_the_process_was_killed_is_not_run_again(
    whole: GuardedTuner, tmp_path: Path
) -> None:
    shutil.copytree(whole.project_dir, tmp_path / "search")
    oracle_file, trial_file = tmp_path / "search/oracle.json", tmp_path / "search/trial_1/trial.json"
    oracle, trial = json.loads(oracle_file.read_text()), json.loads(trial_file.read_text())
    oracle["ongoing_trials"], oracle["end_order"] = {"tuner0": "1"}, ["0"]
    oracle_file.write_text(json.dumps(oracle))
    trial_file.write_text(json.dumps({**trial, "status": "RUNNING", "score": None, "metrics": {"metrics": {}}}))
    again = OwnModel()
    assert scores(whole) == scores(search_over(again, tmp_path))
    assert [] == again.batches


SEARCH = [
    *("tune", "gru", "--units", "8", "--corpus", "recall", "--corpus-option", "examples=200"),
    *("--corpus-option", "distance=3", "--range", "learning_rate=0.01,0.02", "--algorithm", "grid"),
    *("--max-trials", "2", "--epochs", "4", "--batch-size", "2", "--window", "8", "--jit-compile", "false"),
    *("--schedule", "plateau"),
]


def rnnzoo(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "rnnzoo", *map(str, arguments)]


def test_a_search_killed_in_a_trial_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    killed = tmp_path / "killed"
    process = subprocess.Popen(rnnzoo(*SEARCH, "-o", killed), env=environment, stdout=subprocess.DEVNULL)
    state = killed / "trials" / "trial_1" / "state"
    deadline = time.monotonic() + 120
    while not state.exists():
        assert process.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    when = time.time()
    subprocess.run(rnnzoo(*SEARCH, "-o", killed, "--resume"), env=environment, check=True, capture_output=True)
    found = json.loads((killed / "trials.json").read_text())
    assert ["completed", "completed"] == [row["status"] for row in found]
    reports = [json.loads(line) for line in (killed / "trials" / "trial_1" / "progress.jsonl").read_text().splitlines()]
    assert any(report["time"] < when and report["at"] >= 1.0 for report in reports)
    assert len(reports) == len({report["at"] for report in reports})
    assert found[0]["end"] < when

    # Nobody interrupts this training of the same trial.
    retrained = subprocess.run(
        rnnzoo("train", "--from-trial", f"{killed}:2", "-o", tmp_path / "run"),
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "The same validation loss as trial 2" in retrained.stdout
