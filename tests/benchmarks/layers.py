"""Forward and backward pass of our layers against Keras's and PyTorch's, measured in turn."""

from collections.abc import Callable
from contextlib import ExitStack

import keras
import tensorflow as tf
from alternation import alternate, ratio, timed
from torch_process import TORCH_PYTHON, torch_timer

from rnnzoo import models

__all__ = ["BATCH", "FEATURES", "ROUNDS", "STEPS", "UNITS", "measure_bfloat16", "measure_layers", "measure_length"]

BATCH, STEPS, FEATURES, UNITS = 32, 100, 256, 256
ROUNDS = 15

MakeLayer = Callable[..., keras.layers.Layer]

# Our layer, Keras's and PyTorch's of the same equation.
LAYERS: dict[str, tuple[MakeLayer, MakeLayer | None, str | None]] = {
    "SimpleRNN (ReLU)": (
        lambda **options: models.SimpleRNN(UNITS, "relu", **options),
        lambda **options: keras.layers.SimpleRNN(UNITS, "relu", **options),
        "RNN",
    ),
    "LSTM": (
        lambda **options: models.LSTM(UNITS, **options),
        lambda **options: keras.layers.LSTM(UNITS, **options),
        "LSTM",
    ),
    "GRU": (
        lambda **options: models.GRU(UNITS, **options),
        lambda **options: keras.layers.GRU(UNITS, **options),
        "GRU",
    ),
    "IRNN": (lambda **options: models.IRNN(UNITS, **options), None, None),
    "SkipRNN": (lambda **options: models.SkipRNN(UNITS, **options), None, None),
    "SkipUpdateLSTM": (lambda **options: models.SkipUpdateLSTM(UNITS, **options), None, None),
    "SkipUpdateGRU": (lambda **options: models.SkipUpdateGRU(UNITS, **options), None, None),
    "LSTM, layer normalisation": (lambda **options: models.LSTM(UNITS, normalization="layer", **options), None, None),
}


def training_pass(layer: keras.layers.Layer, jit_compile: bool = False, steps: int = STEPS) -> Callable[[], float]:
    """The seconds of one forward and backward pass, gradients of inputs and weights included."""
    inputs = tf.random.stateless_normal((BATCH, steps, FEATURES), seed=(0, 1))
    layer(inputs)

    @tf.function(jit_compile=jit_compile)
    def run(inputs: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, training=True))
        return tape.gradient(loss, [inputs, *(weight.value for weight in layer.trainable_weights)])

    return timed(lambda: [gradient.numpy() for gradient in run(inputs)[-1:]])


def median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def measure_layers() -> list[list[str]]:
    """Rows of a table: layer, our milliseconds, ratios to Keras's (with XLA or without), PyTorch's, our SimpleRNN."""
    with ExitStack() as stack:
        candidates: dict[str, Callable[[], float]] = {}
        for name, (ours, theirs, torch_kind) in LAYERS.items():
            candidates[name] = training_pass(ours(return_sequences=True))
            if theirs is not None:
                candidates[f"{name}, Keras"] = training_pass(theirs(return_sequences=True))
                candidates[f"{name}, Keras with XLA"] = training_pass(theirs(return_sequences=True), jit_compile=True)
            if torch_kind is not None and TORCH_PYTHON.exists():
                timer = torch_timer(torch_kind, BATCH, STEPS, FEATURES, UNITS)
                candidates[f"{name}, PyTorch"] = stack.enter_context(timer)
        seconds = alternate(candidates, ROUNDS)

    def against(ours: list[float], *others: str) -> str:
        measured = [seconds[other] for other in others if other in seconds]
        return str(ratio(ours, min(measured, key=median))) if measured else ""

    return [
        [
            name,
            f"{1000 * median(seconds[name]):.1f}",
            against(seconds[name], f"{name}, Keras", f"{name}, Keras with XLA"),
            against(seconds[name], f"{name}, PyTorch"),
            against(seconds[name], "SimpleRNN (ReLU)"),
        ]
        for name in LAYERS
    ]


def measure_bfloat16() -> list[list[str]]:
    """Rows of a table: layer, our time with the policy mixed_bfloat16 over that in float32."""
    rows = []
    for name in ("SimpleRNN (ReLU)", "LSTM", "GRU"):
        make = LAYERS[name][0]
        policies = ("float32", "mixed_bfloat16")
        seconds = alternate(
            {dtype: training_pass(make(return_sequences=True, dtype=dtype)) for dtype in policies}, ROUNDS
        )
        rows.append([name, str(ratio(seconds["mixed_bfloat16"], seconds["float32"]))])
    return rows


def measure_length() -> str:
    """Our LSTM's time at 1,000 steps over that at 100."""
    seconds = alternate(
        {str(steps): training_pass(LAYERS["LSTM"][0](return_sequences=True), steps=steps) for steps in (100, 1000)}, 5
    )
    return str(ratio(seconds["1000"], seconds["100"]))
