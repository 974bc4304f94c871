"""Run in a process of its own, for devices can only be simulated before anything is computed: two CPUs stand for GPUs.

Prints, as JSON, what one device learns and what two learn together.
"""

import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning import devices
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.search.searching import search
from rnnzoo.tuning.training import train
from rnnzoo.tuning.training_config import TrainingConfig

RECIPES: dict[str, dict[str, Any]] = {
    "sgd, clipped": {"optimizer": "sgd", "learning_rate": 2.0, "global_clipnorm": 0.05, "fresh_starts": 0.3},
    "sgd around adam": {"optimizer": "sgd", "learning_rate": 2.0, "recurrent_learning_rate": 0.01},
    "adam, sampled": {"optimizer": "adam", "learning_rate": 0.01, "loss": "sampled", "samples": 8},
}

SHORT = TrainingConfig(
    corpus="recall",
    corpus_options={"examples": 30, "distance": 2},
    batch_size=2,
    window=8,
    epochs=1,
    optimizer="sgd",
    schedule="constant",
    jit_compile=False,
)


def learn(strategy: tf.distribute.Strategy | None, recipe: dict[str, Any]) -> dict[str, Any]:
    vocabulary = Vocabulary.from_lines([[f"word{number}" for number in range(40)]])
    tokens = np.random.default_rng(0).integers(2, 42, size=103).astype(np.int32)  # the last batch holds padding
    training = TrainingConfig(corpus="recall", batch_size=4, window=5, jit_compile=False, **recipe)
    batches = ContiguousBatches(tokens, training.batch_size, training.window)
    keras.utils.set_random_seed(0)
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        trainer = make_trainer(NetworkConfig(network="lstm", units=6, dropout=0.0), training, vocabulary)
    history = trainer.fit(batches.dataset(), validation_data=batches.dataset(), epochs=2, verbose=0).history
    return {"history": history, "weights": [np.ravel(one).tolist() for one in trainer.get_weights()[:4]]}


class Halt(keras.callbacks.Callback):
    """A power cut after the first epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch == 1:
            raise SystemError


def run(folder: Path, halted: bool) -> Any:
    network, training = NetworkConfig(network="irnn", units=4, dropout=0.0), replace(SHORT, epochs=2, learning_rate=0.5)
    if halted:
        with contextlib.suppress(SystemError):
            train(network, training, folder, verbose=False, callbacks=[Halt()])
    train(network, training, folder, verbose=False, resume=halted)
    return json.loads(RunFolder(folder).evaluation.read_text())


def main(folder: Path) -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    devices._GPU = "CPU"
    strategy = devices.use_device("gpus")
    assert strategy is not None
    told: dict[str, Any] = {"replicas": strategy.num_replicas_in_sync}
    for name, recipe in RECIPES.items():
        told[name] = {"one": learn(None, recipe), "two": learn(strategy, recipe)}
    try:
        with strategy.scope():
            make_trainer(NetworkConfig(network="lstm"), TrainingConfig(batch_size=3), Vocabulary(["<unk>", "<eos>"]))
    except ValueError as error:
        told["error"] = str(error)
    devices.use_device = lambda device, worker=None: strategy if device == "gpus" else None
    asked: Any = {"algorithm": "grid", "max_trials": 2, "report": lambda line: None}
    for device in ("auto", "gpus"):
        network = NetworkConfig(network="irnn", units=4, dropout=0.0)
        space = ["learning_rate=0.5,1e30", "clipnorm=1"]
        result = search([network], SHORT, folder / device, space, device=device, **asked)
        told[f"search {device}"] = [(trial.status, trial.score) for trial in result.trials]
    for name, scope in (("one", contextlib.nullcontext()), ("two", strategy.scope())):
        with scope:
            told[f"run {name}"] = [run(folder / f"{kind} {name}", kind == "halted") for kind in ("whole", "halted")]
    print(json.dumps(told))


main(Path(sys.argv[1]))
