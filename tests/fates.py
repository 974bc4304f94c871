"""Networks whose fate is known, since each was made to meet it: small ones, trained for a moment.

A verdict's thresholds were set by `CALIBRATION_SEEDS`; it is tested on `TEST_SEEDS`, which had no part in that. The
numbers and verdicts of the former, from the folder `tests`: `python -m fates`.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.layers.gated import GRU
from rnnzoo.models.layers.simple import SimpleRNN
from rnnzoo.models.layers.skip import SkipRNN
from rnnzoo.models.layers.skip_update import SkipUpdateGRU
from rnnzoo.tuning.diagnosis.decay import mean_factor
from rnnzoo.tuning.diagnosis.evidence import SENTENCE, Evidence
from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.diagnosis.trends import loss_trend
from rnnzoo.tuning.diagnosis.verdict import judge

__all__ = ["CALIBRATION_SEEDS", "FATES", "TEST_SEEDS", "Fate", "live"]

CALIBRATION_SEEDS = (0, 1, 2, 101, 202)
TEST_SEEDS = (303,)

WORDS, UNITS, TIME, BATCH, STEPS = 4, 16, 24, 32, 48
Array = npt.NDArray[np.float32]

# Some are Keras's own layers, as a verdict is for any model.
LAYERS: Mapping[str, Callable[..., keras.layers.RNN]] = {
    "tanh": partial(keras.layers.SimpleRNN, activation="tanh"),
    "sigmoid": partial(keras.layers.SimpleRNN, activation="sigmoid"),
    "relu": partial(SimpleRNN, activation="relu"),
    "leaky_relu": partial(SimpleRNN, activation="leaky_relu"),
    "skip": partial(SkipRNN, skip=4),
    "lstm": keras.layers.LSTM,
    "gru": GRU,
    "skip_update": SkipUpdateGRU,
}


@dataclass(frozen=True, kw_only=True)
class Fate:
    """A network, how it is trained, and what must become of it.

    Attributes:
        verdict: what must be found.
        layer: one of `LAYERS`.
        recurrent, scale: each square block of the recurrent kernel is "orthogonal", the "identity", or a "positive"
            random matrix of spectral radius 1; times `scale`.
        inputs: a factor on the layer's input kernel.
        bias: of all units; `gate_bias` of the forget or update gates. `biased` is the share of units that have it.
        optimizer, rate, clip: "adam" or "sgd", its learning rate, and its `global_clipnorm`.
    """

    verdict: str
    layer: str
    recurrent: str = "orthogonal"
    scale: float = 1.0
    inputs: float = 1.0
    bias: float = 0.0
    biased: float = 1.0
    gate_bias: float = 1.0
    optimizer: str = "adam"
    rate: float = 0.005
    clip: float | None = None

    @property
    def name(self) -> str:
        made = f"{self.scale:g}-{self.recurrent}"
        for short, value, usual in (("in", self.inputs, 1.0), ("bias", self.bias, 0.0), ("gate", self.gate_bias, 1.0)):
            made += f"-{short}{value:g}" if value != usual else ""
        return f"{self.verdict}-{self.layer}-{made}-{self.optimizer}{self.rate:g}"


FATES = (
    # What travels back is multiplied by half, or by a slope of a quarter at most, or meets gates that keep nothing; and
    # steps are too short to change that.
    Fate(verdict="vanishing", layer="tanh", scale=0.5, rate=0.001),
    Fate(verdict="vanishing", layer="tanh", scale=0.3, optimizer="sgd", rate=0.02),
    Fate(verdict="vanishing", layer="tanh", recurrent="identity", scale=0.4, rate=0.001),
    Fate(verdict="vanishing", layer="tanh", inputs=60.0),
    Fate(verdict="vanishing", layer="sigmoid", rate=0.001),
    Fate(verdict="vanishing", layer="relu", scale=0.5, rate=0.001),
    Fate(verdict="vanishing", layer="relu", recurrent="identity", scale=0.3, optimizer="sgd", rate=0.02),
    Fate(verdict="vanishing", layer="leaky_relu", scale=0.5, rate=0.001),
    Fate(verdict="vanishing", layer="skip", scale=0.05, rate=0.0001),
    Fate(verdict="vanishing", layer="lstm", scale=0.3, gate_bias=-4.0, rate=0.001),
    Fate(verdict="vanishing", layer="lstm", gate_bias=-6.0, optimizer="sgd", rate=0.5),
    Fate(verdict="vanishing", layer="gru", scale=0.3, gate_bias=-4.0, rate=0.001),
    # What travels back is multiplied by more than 1; or a step is so long that numbers end.
    Fate(verdict="exploding", layer="relu", recurrent="identity", scale=1.5),
    Fate(verdict="exploding", layer="relu", recurrent="positive", scale=1.5),
    Fate(verdict="exploding", layer="relu", scale=3.0),
    Fate(verdict="exploding", layer="relu", recurrent="identity", scale=1.3, optimizer="sgd", rate=0.1),
    Fate(verdict="exploding", layer="relu", recurrent="positive", scale=1.5, optimizer="sgd", rate=0.01),
    Fate(verdict="exploding", layer="leaky_relu", scale=2.5),
    Fate(verdict="exploding", layer="leaky_relu", recurrent="identity", scale=1.5),
    Fate(verdict="exploding", layer="leaky_relu", recurrent="positive", scale=1.4),
    Fate(verdict="exploding", layer="relu", recurrent="identity", optimizer="sgd", rate=100.0),
    Fate(verdict="exploding", layer="relu", recurrent="identity", rate=3.0),
    # Steps far too long for networks that cannot blow up: their functions end at 1.
    Fate(verdict="oscillating", layer="tanh", rate=1.0),
    Fate(verdict="oscillating", layer="tanh", optimizer="sgd", rate=200.0),
    Fate(verdict="oscillating", layer="tanh", recurrent="identity", rate=20.0),
    Fate(verdict="oscillating", layer="sigmoid", rate=10.0),
    Fate(verdict="oscillating", layer="skip", rate=10.0),
    Fate(verdict="oscillating", layer="lstm", rate=1.0),
    Fate(verdict="oscillating", layer="lstm", optimizer="sgd", rate=200.0),
    Fate(verdict="oscillating", layer="gru", rate=1.0),
    Fate(verdict="oscillating", layer="gru", optimizer="sgd", rate=200.0),
    # Steps far too short.
    Fate(verdict="stagnating", layer="tanh", rate=1e-6),
    Fate(verdict="stagnating", layer="tanh", optimizer="sgd", rate=1e-4),
    Fate(verdict="stagnating", layer="relu", recurrent="identity", rate=1e-6),
    Fate(verdict="stagnating", layer="skip", rate=1e-6),
    Fate(verdict="stagnating", layer="lstm", rate=1e-6),
    Fate(verdict="stagnating", layer="lstm", optimizer="sgd", rate=0.5, clip=1e-4),
    Fate(verdict="stagnating", layer="gru", rate=1e-6),
    Fate(verdict="stagnating", layer="gru", optimizer="sgd", rate=1e-4),
    # Units that no input lifts above zero.
    Fate(verdict="dead", layer="relu", bias=-8.0),
    Fate(verdict="dead", layer="relu", bias=-8.0, optimizer="sgd", rate=0.3),
    Fate(verdict="dead", layer="relu", recurrent="identity", bias=-6.0),
    Fate(verdict="dead", layer="relu", recurrent="positive", bias=-20.0),
    Fate(verdict="dead", layer="relu", bias=-10.0, biased=0.75),
    # What the textbooks recommend.
    Fate(verdict="healthy", layer="tanh", recurrent="identity", inputs=0.2),
    Fate(verdict="healthy", layer="lstm", gate_bias=3.0, optimizer="sgd", rate=2.0),
    Fate(verdict="healthy", layer="relu", recurrent="identity", inputs=0.3),
    Fate(verdict="healthy", layer="leaky_relu", recurrent="identity", inputs=0.3),
    Fate(verdict="healthy", layer="skip", scale=0.7),
    Fate(verdict="healthy", layer="lstm"),
    Fate(verdict="healthy", layer="lstm", gate_bias=3.0),
    Fate(verdict="healthy", layer="lstm", optimizer="sgd", rate=2.0),
    Fate(verdict="healthy", layer="gru"),
    Fate(verdict="healthy", layer="gru", gate_bias=2.0),
    Fate(verdict="healthy", layer="gru", gate_bias=3.0, optimizer="sgd", rate=1.0),
    Fate(verdict="healthy", layer="skip_update"),
)


def live(fate: Fate, seed: int) -> Evidence:
    """What is measured of a network before, while and after it is trained."""
    random = np.random.default_rng(seed)
    model, health = _trainer(fate.layer, fate.optimizer, fate.clip)
    for variable in model.trainable_variables:
        variable.assign(_first_value(fate, variable, random))
    for variable in model.optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    model.optimizer.learning_rate = fate.rate
    inputs, targets = _text(random, BATCH * STEPS)
    first_factor = _factor(model, inputs[:BATCH], targets[:BATCH])
    model.fit(inputs, targets, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[health])
    factor = _factor(model, inputs[:BATCH], targets[:BATCH])
    return Evidence.gather(health.signs, factor=factor, first_factor=first_factor, learning_rate=fate.rate)


@cache
def _trainer(layer: str, optimizer: str, clip: float | None) -> tuple[keras.Model, GradientHealth]:
    """One for each kind, compiled once: all its networks are its weights."""
    model = keras.Sequential(
        [
            keras.layers.Input((TIME,), batch_size=BATCH, dtype="int32"),
            keras.layers.Embedding(WORDS, UNITS),
            LAYERS[layer](UNITS, return_sequences=True, name="layer"),
            keras.layers.Dense(WORDS),
        ]
    )
    optimizer_class = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[optimizer]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer_class(0.1, global_clipnorm=clip), loss=loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model, GradientHealth(every=8)


def _text(random: np.random.Generator, rows: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Words at random, and at each the word that has come most often so far: one has to remember to know."""
    words = random.integers(0, WORDS, (rows, TIME))
    counts = np.cumsum(np.eye(WORDS)[words], axis=1)  # (rows, time, words)
    return words.astype(np.int32), counts.argmax(axis=-1).astype(np.int32)


def _first_value(fate: Fate, variable: keras.Variable, random: np.random.Generator) -> Array:
    shape, path = tuple(variable.shape), variable.path
    if path.endswith("recurrent_kernel"):
        blocks = [_square(fate, random) for _ in range(math.prod(shape) // UNITS**2)]
        return np.concatenate(blocks, axis=0 if shape[0] > UNITS else 1)
    if path.endswith("embeddings"):
        return (0.3 * random.normal(size=shape)).astype(np.float32)
    if path.endswith("update_bias"):
        return np.ones(shape, np.float32)
    if len(shape) == 2 and "bias" not in path:  # Glorot's
        factor = fate.inputs if "/layer/" in path else 1.0
        return (factor * math.sqrt(2 / sum(shape)) * random.normal(size=shape)).astype(np.float32)
    value = np.zeros(shape, np.float32)
    if "/layer/" in path and "bias" in path:
        if fate.layer == "lstm":
            value[UNITS : 2 * UNITS] = fate.gate_bias  # i, f, g, o
        elif shape[0] == 2:
            value[0, :UNITS] = fate.gate_bias  # z, r, g
        else:
            value[: round(fate.biased * UNITS)] = fate.bias
    return value


def _square(fate: Fate, random: np.random.Generator) -> Array:
    normal = random.normal(size=(UNITS, UNITS))
    if fate.recurrent == "identity":
        square = np.eye(UNITS)
    elif fate.recurrent == "positive":
        square = np.abs(normal) / np.abs(np.linalg.eigvals(np.abs(normal))).max()
    else:
        square = np.linalg.qr(normal)[0]
    return (fate.scale * square).astype(np.float32)


def _factor(model: keras.Model, inputs: Any, targets: Any) -> float:
    """What the gradient of the last loss is multiplied by at each step back, from Keras's tape, cell by cell."""
    embedding, layer, dense = model.layers
    sequence = embedding(inputs)
    states = [tf.convert_to_tensor(state) for state in layer.cell.get_initial_state(BATCH)]
    histories = []
    with tf.GradientTape(persistent=False) as tape:
        for time in range(TIME):
            tape.watch(states)
            histories.append(states)
            output, states = layer.cell(sequence[:, time], states)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets[:, -1], dense(output))
    sizes = [state.shape[-1] for state in states]
    read = [index for index, size in enumerate(sizes) if size >= UNITS]
    gradients = tape.gradient(loss, [[states[index] for index in read] for states in histories])
    factors = []
    for index in range(len(read)):
        norms = [np.linalg.norm(step[index][:, :UNITS], axis=-1) for step in reversed(gradients)]  # lag 1 first
        factors.append(mean_factor(np.median(np.array(norms, np.float64), axis=1), SENTENCE))
    return float(np.nanmax(factors)) if np.isfinite(factors).any() else math.nan


def _print_table() -> None:
    """Every network of the calibration with its numbers and its verdict, wrong ones marked."""
    for seed, fate in itertools.product(CALIBRATION_SEEDS, FATES):
        evidence = live(fate, seed)
        verdict, trend = judge(evidence), loss_trend(evidence.losses)
        mark = " " if verdict.name == fate.verdict else "!"
        print(
            f"{mark} {fate.name:48} {seed} {verdict.name:11} factor {evidence.first_factor:.3f} "
            f"{evidence.factor:.3f}, {trend}",
            flush=True,
        )


if __name__ == "__main__":
    _print_table()
