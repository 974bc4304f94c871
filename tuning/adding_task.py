"""The adding problem: the task that tells how far back a network remembers, without any language."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.atomic_files import write_json
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.arguments import whole
from rnnzoo.models.stacks import recurrent_layers
from rnnzoo.models.weights_file import weights_file
from rnnzoo.tuning.corpora.adding import BASELINE, generate
from rnnzoo.tuning.devices import compiles_with_xla
from rnnzoo.tuning.optimization.optimizers import make_optimizer
from rnnzoo.tuning.runs.resumable_model import ResumableModel
from rnnzoo.tuning.task import Task
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["AddingTask", "SequenceRegression"]

OPTIONS = {"length": 100, "count": 10_000, "seed": 0}

# What a configuration says of words alone: passed over without a word, it would be believed to have helped.
_OF_TEXTS = ("vocabulary_limit", "from_preset", "window", "fresh_starts", "rotation", "loss", "samples", "softmax")


class SequenceRegression(ResumableModel):
    """A stack of one of the zoo's networks, and one number out of its last hidden state.

    Maps (batch, time, features) to (batch, 1). Dropout is between the layers only: one that hits the inputs would
    erase the very numbers to be added.

    Args:
        network: the stack; `embedding`, if given, is the size of its last layer.
        features: the size of each step of the sequence.

    Example:
        >>> model = SequenceRegression(NetworkConfig(network="irnn", units=8))
        >>> model(tf.zeros((4, 20, 2))).shape
        TensorShape([4, 1])
    """

    def __init__(self, network: NetworkConfig, features: int = 2) -> None:
        super().__init__(name="sequence_regression")
        self.recurrent_layers = recurrent_layers(network)
        self.dropouts = [keras.layers.Dropout(network.dropout) for _ in self.recurrent_layers[1:]]
        self.head = keras.layers.Dense(1)
        sizes = (features, *network.layer_units)
        for layer, size in zip((*self.recurrent_layers, self.head), sizes, strict=True):
            layer.build((None, None, size))
        self.built = True

    def call(self, sequence: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = sequence
        for level, layer in enumerate(self.recurrent_layers):
            if level > 0:
                hidden = self.dropouts[level - 1](hidden, training=training)
            hidden, *_ = layer(hidden, training=training)
        return self.head(hidden[:, -1])


class AddingTask(Task):
    """A network learns to add the two marked numbers of a sequence (Hochreiter & Schmidhuber 1997).

    Always answering 1 gives a mean squared error of 0.1667; the problem counts as solved at a hundredth of that (Campos
    et al. 2018). The corpus's options are `length` (100), `count`, the number of training sequences (10,000; a tenth of
    it each for validation and test), and `seed` (0). What does not fill a batch is left out.
    """

    measure = "loss"
    unit = "sequences"

    def __init__(self, network: NetworkConfig, training: TrainingConfig) -> None:
        super().__init__(network, training)
        asked = training.as_dict() | network.as_dict()
        for field in (*fields(training), *fields(network)):
            name, default = field.name, field.default
            if name in _OF_TEXTS and asked[name] != default:
                raise ValueError(
                    f"{name} is an option of texts: with corpus='adding' it must be {default!r}, "
                    f"but got {name}={asked[name]!r}."
                )
        unknown = sorted(set(training.corpus_options) - set(OPTIONS))
        if unknown:
            raise ValueError(f"the options of adding are {', '.join(OPTIONS)}, but got {', '.join(unknown)}.")
        self.options = {**OPTIONS, **training.corpus_options}
        self.amount = whole("count", self.options["count"], least=1)
        if self.amount // 10 < training.batch_size:
            raise ValueError(
                "count must be at least ten times batch_size, "
                f"but got count={self.amount}, batch_size={training.batch_size}."
            )
        self.batches = self._dataset(self.amount, split=0)
        self.validation = self._dataset(self.amount // 10, split=1)

    def facts(self) -> dict[str, Any]:
        return dict(self.options)

    def make_model(self) -> SequenceRegression:
        model = SequenceRegression(self.network)
        model.compile(
            make_optimizer(self.training), loss="mse", jit_compile=compiles_with_xla(self.training.jit_compile)
        )
        model.optimizer.build(model.trainable_variables)
        return model

    def save(self, model: ResumableModel, folder: Path) -> None:
        (folder / "model.weights.h5").write_bytes(weights_file(model))
        write_json(folder / "config.json", self.network.as_dict())

    def evaluate(self, folder: Path) -> dict[str, Any]:
        model = self.make_model()
        model.load_weights(folder / "model.weights.h5")
        loss = model.evaluate(self._dataset(self.amount // 10, split=2), verbose=0, return_dict=True)["loss"]
        return {"loss": loss, "baseline": BASELINE, "solved": loss <= BASELINE / 100}

    def _dataset(self, count: int, split: int) -> tf.data.Dataset:
        """Whole batches only, all of one shape, as XLA wants them."""
        inputs, targets = generate(count, self.options["length"], 3 * self.options["seed"] + split)
        dataset = tf.data.Dataset.from_tensor_slices((inputs, targets[:, None]))
        return dataset.batch(self.training.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
