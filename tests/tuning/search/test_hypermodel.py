"""A trial is a training run: it learns from the same batches, and ends when a run would."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.training import train
from rnnzoo.tuning.training_config import TrainingConfig

NETWORK = NetworkConfig(network="simple_rnn_tanh", units=4)
TRAINING = TrainingConfig(
    corpus="recall",
    corpus_options={"examples": 30, "distance": 2},
    batch_size=2,
    window=8,
    epochs=2,
    learning_rate=0.01,
    jit_compile=False,
)


def trial_of(training: TrainingConfig, *callbacks: keras.callbacks.Callback) -> float:
    """The validation loss of one trial, as a search would run it."""
    hypermodel = LanguageHyperModel(Space([NETWORK], training, ["dropout=0.2,0.4"]), prepare_corpus(training))
    hp = keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    return hypermodel.fit(hp, model, epochs=training.epochs, callbacks=callbacks)["val_loss"]


def run_of(training: TrainingConfig, folder: Path) -> float:
    """The validation loss of a run with what `trial_of` tries."""
    run = train(replace(NETWORK, dropout=0.2), training, folder, verbose=False)
    return min(float(line) for line in _column(run, "val_loss"))


def _column(run: RunFolder, name: str) -> list[str]:
    header, *rows = (line.split(",") for line in run.log.read_text().splitlines())
    return [row[header.index(name)] for row in rows]


def test_a_trial_learns_what_a_run_learns(tmp_path: Path) -> None:
    training = replace(TRAINING, rotation=True)
    assert run_of(training, tmp_path / "run") == pytest.approx(trial_of(training), rel=1e-6)


def test_who_looks_at_the_end_of_an_epoch_knows_that_patience_ends_the_trial() -> None:
    """What saves a trial's state after each epoch but the last has to know which is the last."""
    ended: list[Any] = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            ended.append(self.model.stop_training)

    trial_of(replace(TRAINING, epochs=9, patience=1, learning_rate=1e-30), Look())
    assert [False, True] == ended
