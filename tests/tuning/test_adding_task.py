"""The adding problem runs as every task does, and is solved by what can solve it."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.adding_task import AddingTask, SequenceRegression
from rnnzoo.tuning.runs.checkpoints import read_checkpoint
from rnnzoo.tuning.training import train
from rnnzoo.tuning.training_config import TrainingConfig

TRAINING = TrainingConfig(
    corpus="adding",
    corpus_options={"length": 4, "count": 800},
    epochs=12,
    batch_size=16,
    optimizer="adam",
    learning_rate=0.02,
    schedule="constant",
    patience=None,
    jit_compile=False,
)


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.model.optimizer.iterations == 70:
            raise KeyboardInterrupt


def test_a_short_sum_is_learnt_and_an_interruption_changes_nothing(tmp_path: Path) -> None:
    network = NetworkConfig(network="gru", units=16)
    whole = train(network, TRAINING, tmp_path / "whole", verbose=False)
    told = json.loads(whole.evaluation.read_text())
    assert told["test"]["loss"] < 0.1 * told["test"]["baseline"]
    assert told["test"]["solved"] == (told["test"]["loss"] < 0.01 * told["test"]["baseline"])
    rows = list(csv.DictReader(whole.log.read_text().splitlines()))
    assert 12 == len(rows)
    assert float(rows[0]["sequences_per_second"]) > 0

    with pytest.raises(KeyboardInterrupt):
        train(network, TRAINING, tmp_path / "interrupted", callbacks=[Interrupt()], verbose=False)
    resumed = train(network, TRAINING, tmp_path / "interrupted", resume=True, verbose=False)
    expected, actual = (read_checkpoint(run.checkpoint).arrays for run in (whole, resumed))
    for name, array in expected.items():
        np.testing.assert_array_equal(array, actual[name], err_msg=name)


def test_two_layers_drop_between_them_only() -> None:
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).random((3, 5, 2), np.float32)
    for layers, changes in ((1, False), (2, True)):
        model = SequenceRegression(NetworkConfig(network="irnn", units=6, layers=layers, dropout=0.5))
        assert changes == (not np.array_equal(model(inputs, training=True), model(inputs, training=False)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": 3}, "the options of adding are length, count, seed, but got distance"),
        ({"count": 100}, "count must be at least ten times batch_size, but got count=100, batch_size=16"),
        ({"length": 1}, "length must be an integer of at least 2"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AddingTask(
            NetworkConfig(network="irnn"), TrainingConfig(corpus="adding", corpus_options=options, batch_size=16)
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vocabulary_limit", 100),
        ("from_preset", "gru_wikitext2"),
        ("window", 20),
        ("fresh_starts", 0.0),
        ("rotation", True),
        ("loss", "full"),
        ("samples", 9),
    ],
)
def test_options_of_texts_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name} is an option of texts: .*, but got {name}={value!r}\."):
        AddingTask(NetworkConfig(network="irnn"), replace(TRAINING, **{name: value}))


def test_a_softmax_over_words_is_refused() -> None:
    network = NetworkConfig(network="irnn", softmax="adaptive", division=2)
    with pytest.raises(ValueError, match=r"softmax is an option of texts: .* must be 'tied', but got softmax='adap"):
        AddingTask(network, TRAINING)
