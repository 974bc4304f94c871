"""A run ends where it would have ended, whatever happened on the way, and leaves what it promises."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.diagnosis.signs_file import read_signs
from rnnzoo.tuning.divergence import TrainingDiverged
from rnnzoo.tuning.evaluation.static_evaluation import evaluate
from rnnzoo.tuning.runs.checkpoints import CheckpointError, read_checkpoint
from rnnzoo.tuning.runs.folder_lock import LOCK, FolderInUseError, locked_folder
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.training import train
from rnnzoo.tuning.training_config import TrainingConfig

NETWORK = NetworkConfig(network="skip_update_gru", units=8, dropout=0.3, recurrent_dropout=0.2)
TRAINING = TrainingConfig(
    corpus="recall",
    corpus_options={"examples": 60, "distance": 5},
    epochs=2,
    batch_size=4,
    window=9,
    rotation=True,
    optimizer="adam",
    schedule="cosine",
    loss="sampled",
    samples=20,
    checkpoint_steps=10,
    jit_compile=False,
)
STEPS = 30  # of an epoch

# What a subprocess runs: itself its own killer, in the middle of the second epoch.
INTERRUPTED_RUN = """
import os, sys
import keras
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training import train
from rnnzoo.tuning.training_config import TrainingConfig

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == {step}:
            os.kill(os.getpid(), {signal})

network, training = NetworkConfig.from_dict({network}), TrainingConfig.from_dict({training})
train(network, training, {output!r}, callbacks=[Kill()], verbose=False)
"""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(NETWORK, TRAINING, tmp_path_factory.mktemp("runs") / "whole", verbose=False)


def assert_equal_states(expected: RunFolder, actual: RunFolder) -> None:
    expected_arrays, actual_arrays = (read_checkpoint(run.checkpoint).arrays for run in (expected, actual))
    assert list(expected_arrays) == list(actual_arrays)
    for name, array in expected_arrays.items():
        np.testing.assert_array_equal(array, actual_arrays[name], err_msg=name)
    models = [LanguageModel.from_preset(run.model) for run in (expected, actual)]
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert expected.evaluation.read_bytes() == actual.evaluation.read_bytes()
    rates = [
        [row["learning_rate"] for row in csv.DictReader(run.log.read_text().splitlines())] for run in (expected, actual)
    ]
    assert rates[0] == rates[1]


def test_what_a_run_leaves(whole_run: RunFolder) -> None:
    names = {"run.json", "log.csv", "model", "checkpoint", "tensorboard", "evaluation.json"}
    assert names == {path.name for path in whole_run.path.iterdir()}
    rows = list(csv.DictReader(whole_run.log.read_text().splitlines()))
    assert ["1", "2"] == [row["epoch"] for row in rows]
    assert float(rows[1]["val_loss"]) < float(rows[0]["val_loss"])
    assert {"train", "validation"} == {path.name for path in whole_run.tensorboard.iterdir()}
    assert tf.__version__ == json.loads(whole_run.configuration.read_text())["versions"]["tensorflow"]


def test_the_evaluation_is_that_of_the_kept_model(whole_run: RunFolder) -> None:
    told = json.loads(whole_run.evaluation.read_text())
    model, corpus = LanguageModel.from_preset(whole_run.model), prepare_corpus(TRAINING)
    assert told["test"] == evaluate(model, corpus.test, batch_size=4, window=9, jit_compile=False).as_dict()
    validation = evaluate(model, corpus.valid, batch_size=4, window=9, jit_compile=False)
    assert told["validation"]["loss"] == pytest.approx(validation.loss)
    assert len(corpus.test) == told["test"]["tokens"]


@pytest.mark.parametrize(("number", "kept"), [(signal.SIGINT, STEPS + 13), (signal.SIGKILL, STEPS + 10)])
def test_killed_and_resumed(whole_run: RunFolder, tmp_path: Path, number: int, kept: int) -> None:
    output, step = tmp_path / "run", STEPS + 13
    program = INTERRUPTED_RUN.format(
        step=step, signal=int(number), network=NETWORK.as_dict(), training=TRAINING.as_dict(), output=str(output)
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert -number == ended.returncode, ended.stderr
    progress = read_checkpoint(output / "checkpoint").facts
    assert kept == progress["epoch"] * STEPS + progress["step"]
    assert_equal_states(whole_run, train(NETWORK, TRAINING, output, resume=True, verbose=False))


class Stop(keras.callbacks.Callback):
    def __init__(self, moment: str) -> None:
        super().__init__()
        setattr(self, moment, self.stop)

    def stop(self, *args: Any, **kwargs: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_within_a_validation(whole_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(NETWORK, TRAINING, tmp_path / "run", callbacks=[Stop("on_test_begin")], verbose=False)
    assert not (tmp_path / "run" / "model").exists()
    assert_equal_states(whole_run, train(NETWORK, TRAINING, tmp_path / "run", resume=True, verbose=False))


def test_interrupted_at_the_very_end(whole_run: RunFolder, tmp_path: Path) -> None:
    """No step comes any more that could act on it."""
    with pytest.raises(KeyboardInterrupt):
        train(NETWORK, TRAINING, tmp_path / "run", callbacks=[Stop("on_train_end")], verbose=False)
    assert not (tmp_path / "run" / "evaluation.json").exists()
    assert_equal_states(whole_run, train(NETWORK, TRAINING, tmp_path / "run", resume=True, verbose=False))


def test_a_second_interrupt_is_obeyed_at_once(tmp_path: Path) -> None:
    twice = [Stop("on_train_batch_begin"), Stop("on_train_batch_begin")]
    with pytest.raises(KeyboardInterrupt):
        train(NETWORK, TRAINING, tmp_path / "run", callbacks=twice, verbose=False)
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert signal.default_int_handler == signal.getsignal(signal.SIGINT)


def test_resumed_before_its_first_checkpoint(whole_run: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(NETWORK, TRAINING, prepare_corpus(TRAINING).facts())
    assert_equal_states(whole_run, train(NETWORK, TRAINING, run, resume=True, verbose=False))


def test_a_finished_run_stays_as_it_is(whole_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no corpus any more."""
    before = {path: path.stat().st_mtime_ns for path in whole_run.path.rglob("*")}
    monkeypatch.delattr("rnnzoo.tuning.language_task.prepare_corpus")
    train(NETWORK, TRAINING, whole_run, resume=True, verbose=False)
    assert before == {path: path.stat().st_mtime_ns for path in whole_run.path.rglob("*")}


def test_what_is_refused(whole_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="holds a run: resume it"):
        train(NETWORK, TRAINING, whole_run, verbose=False)
    with pytest.raises(ValueError, match=r"was begun with units=8, and now got units=9\."):
        train(replace(NETWORK, units=9), TRAINING, whole_run, resume=True, verbose=False)
    with pytest.raises(FileNotFoundError, match=r"must hold run\.json"):
        train(NETWORK, TRAINING, tmp_path / "nothing", resume=True, verbose=False)
    with pytest.raises(FileNotFoundError, match="a corpus must be one of"):
        train(NETWORK, replace(TRAINING, corpus="no such file", corpus_options={}), tmp_path / "nothing", verbose=False)
    assert not (tmp_path / "nothing").exists()


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "run"):
        with pytest.raises(FolderInUseError, match="another one writes to"):
            train(NETWORK, TRAINING, tmp_path / "run", verbose=False)
        assert [LOCK] == [path.name for path in (tmp_path / "run").iterdir()]
    run = RunFolder(tmp_path / "run")
    run.create(NETWORK, TRAINING, prepare_corpus(TRAINING).facts())
    with locked_folder(run.path), pytest.raises(FolderInUseError, match="another one writes to"):
        train(NETWORK, TRAINING, run, resume=True, verbose=False)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"softmax": "adaptive"}, "loss='sampled' needs softmax='tied', but got softmax='adaptive'"),
        ({"softmax": "adaptive", "cutoffs": (5, 9999)}, r"cutoffs must be below the number of words, \d+, but got"),
    ],
)
def test_a_softmax_that_fits_not_is_refused_at_once(options: dict[str, Any], line: str, tmp_path: Path) -> None:
    training = replace(TRAINING, loss="auto") if "cutoffs" in options else TRAINING
    with pytest.raises(ValueError, match=line):
        train(replace(NETWORK, **options), training, tmp_path / "run", verbose=False)
    assert not (tmp_path / "run").exists()


def test_an_adaptive_softmax_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What a run was told is what it is asked to go on with, cutoffs included."""
    network, training = replace(NETWORK, softmax="adaptive", cutoffs=(5, 9)), replace(TRAINING, loss="auto")
    whole = train(network, training, tmp_path / "whole", verbose=False)

    with pytest.raises(KeyboardInterrupt):
        train(network, training, tmp_path / "run", callbacks=[Stop("on_test_begin")], verbose=False)
    assert_equal_states(whole, train(network, training, tmp_path / "run", resume=True, verbose=False))


def test_a_damaged_checkpoint_is_refused(whole_run: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(NETWORK, TRAINING, prepare_corpus(TRAINING).facts())
    run.checkpoint.write_bytes(whole_run.checkpoint.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is damaged"):
        train(NETWORK, TRAINING, run, resume=True, verbose=False)


def test_a_run_that_diverges_keeps_its_last_good_model(tmp_path: Path) -> None:
    class Ruin(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            if epoch == 1:
                bias = self.model.language_model.output_bias
                bias.assign(np.full(bias.shape, np.inf))

    run = RunFolder(tmp_path / "run")
    health = GradientHealth(csv=run.signs)
    with pytest.raises(
        TrainingDiverged, match=rf"loss was nan at step {STEPS + 1} \(epoch 2\)\. .* lower learning rate"
    ):
        train(NETWORK, TRAINING, run, callbacks=[Ruin(), health], verbose=False)
    assert STEPS + 1 == max(read_signs(run.signs).losses)  # the step that went wrong is what one wants to see
    assert all(np.isfinite(variable).all() for variable in LanguageModel.from_preset(run.model).variables)
    assert STEPS == read_checkpoint(run.checkpoint).facts["step"]


def test_a_run_far_worse_than_a_guess_has_diverged(tmp_path: Path) -> None:
    class Worsen(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            bias = self.model.language_model.output_bias
            bias.assign(100.0 * (np.arange(bias.shape[0]) == 0))

    run = RunFolder(tmp_path / "run")
    still = replace(TRAINING, epochs=1, learning_rate=1e-30, loss="full")
    with pytest.raises(TrainingDiverged, match=rf"val_loss was .*, above .*, at step {STEPS} .* No epoch left a model"):
        train(NETWORK, still, run, callbacks=[Worsen()], verbose=False)
    assert not run.model.exists()


def test_a_run_that_gets_no_better_ends(tmp_path: Path) -> None:
    frozen = replace(TRAINING, epochs=9, patience=2, learning_rate=1e-30)
    run = train(NETWORK, frozen, tmp_path / "run", verbose=False)
    assert 3 == len(list(csv.DictReader(run.log.read_text().splitlines())))
    assert 1 == json.loads(run.evaluation.read_text())["epoch"]


def test_what_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(NETWORK, replace(TRAINING, epochs=1), tmp_path / "run", verbose=True)
    shown = capsys.readouterr()
    assert "" == shown.out
    lines = [line for line in shown.err.splitlines() if line.startswith("epoch 1/1: perplexity ")]
    assert len(lines) == 1
    assert lines[0].endswith(" words/s")
    assert "(best), learning rate " in lines[0]
