"""A search's state on a disk that fills up, or under a process that dies."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from rnnzoo.tuning.search import Divergence, RandomSearch
from rnnzoo.tuning.search.durable_state import DiskError, make_weights_durable, write_state
from rnnzoo.tuning.search.keras_tuner_inside import SaveBestEpoch


class Numbers(keras_tuner.HyperModel):
    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
        self.runs += 1
        return float(hp["x"])


def tuner(folder: Path, hypermodel: Numbers) -> RandomSearch:
    options: dict[str, Any] = {"max_trials": 3, "seed": 1, "directory": folder, "project_name": "search"}
    return RandomSearch(hypermodel, "val_loss", divergence=Divergence(bound=9.0), **options)


def fill_up(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Of all files that are written, those after so many find no room."""
    written = 0
    fsync = os.fsync

    def full(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)


@pytest.mark.parametrize("after", range(0, 14, 2))
def test_wherever_the_disk_fills_up_the_search_can_be_read_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    first, second = Numbers(), Numbers()
    with monkeypatch.context() as patch:
        fill_up(patch, after)
        with pytest.raises(OSError, match="No space left on device"):
            tuner(tmp_path, first).search(verbose=0)
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text())
    assert [] == [path for path in tmp_path.rglob(".*") if path.is_file()]
    resumed = tuner(tmp_path, second)
    resumed.search(verbose=0)
    assert ["COMPLETED"] * 3 == [trial.status for trial in resumed.oracle.trials.values()]
    assert first.runs + second.runs <= 4  # a trial whose outcome found no room is run again


def test_weights_that_find_no_room_end_the_search_with_the_folder_in_the_line(tmp_path: Path) -> None:
    class Full(Numbers):
        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskError) as raised:
        tuner(tmp_path, Full()).search(verbose=0)
    assert (errno.ENOSPC, "No space left on device") == (raised.value.errno, raised.value.strerror)
    assert str(tmp_path) in str(raised.value.filename)


def test_other_errors_of_files_are_a_trials_own(tmp_path: Path) -> None:
    class NoFile(Numbers):
        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
            self.runs += 1
            if self.runs == 1:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "words.txt")
            return 1.0

    search = tuner(tmp_path, NoFile())
    search.search(verbose=0)
    assert ["FAILED", "COMPLETED", "COMPLETED"] == [trial.status for trial in search.oracle.trials.values()]
    outcome = search.trial_folder("0").outcome()
    assert outcome is not None
    assert ("failed", "FileNotFoundError: [Errno 2] No such file or directory: 'words.txt'") == (
        outcome.status,
        outcome.message,
    )


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "oracle.json"
    write_state(path, {"trials": 1})
    with pytest.raises(TypeError):
        write_state(path, {"trials": object()})
    assert {"trials": 1} == json.loads(path.read_text())
    assert [path] == list(tmp_path.iterdir())


def test_the_best_epochs_weights_are_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = SaveBestEpoch(keras_tuner.Objective("val_loss", "min"), str(tmp_path / "checkpoint.weights.h5"))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    best.set_model(model)
    make_weights_durable(best)
    best.on_epoch_end(0, {"val_loss": 2.0})
    before = Path(best.filepath).read_bytes()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    fill_up(monkeypatch, after=0)
    with pytest.raises(OSError, match="No space left on device") as raised:
        best.on_epoch_end(1, {"val_loss": 1.0})
    assert (best.filepath, before) == (raised.value.filename, Path(best.filepath).read_bytes())


def test_a_trials_weights_are_written_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Trained(Numbers):
        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            model = super().build(hp)
            model.compile(loss="mse")
            return model

        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            fill_up(monkeypatch, after=0)
            return model.fit(np.ones((2, 1)), np.ones((2, 1)), validation_split=0.5, **kwargs)

    with pytest.raises(DiskError) as raised:
        tuner(tmp_path, Trained()).search(verbose=0)
    assert "checkpoint.weights.h5" == Path(raised.value.filename).name
