"""What the checks compare: all that a layer gives, and the gradient for all that goes into it."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from conformance.networks import BATCH, FEATURES, TIME
from numpy.typing import NDArray

__all__ = ["MASKS", "gradients_of", "random_inputs", "results_and_gradients", "weighing"]

MASKS: dict[str, NDArray[np.bool_] | None] = {
    "none": None,
    "right": np.array(
        [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0]], bool
    ),
    "left": np.array(
        [[1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1, 1]], bool
    ),
    "middle": np.array(
        [[1, 1, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1, 0], [1, 0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1, 1]], bool
    ),
    "everything": np.zeros((BATCH, TIME), bool),
}


def random_inputs(dtype: str = "float32", time: int = TIME, batch: int = BATCH) -> NDArray[Any]:
    """(batch, time, features), the same ones every time."""
    return np.random.default_rng(2).normal(size=(batch, time, FEATURES)).astype(dtype)


def weighing(shapes: Sequence[Sequence[int]]) -> list[NDArray[Any]]:
    """A random weight for each value of a loss: in a plain sum, values that are swapped would go unnoticed."""
    random = np.random.default_rng(5)
    return [random.normal(size=tuple(shape)) for shape in shapes]


def gradients_of(results: Sequence[tf.Tensor], operands: Sequence[Any], tape: tf.GradientTape) -> list[tf.Tensor]:
    with tape:
        loss: Any = 0.0
        for result, weight in zip(results, weighing([result.shape for result in results]), strict=True):
            loss += tf.reduce_sum(tf.cast(result, tf.float64) * weight)
    return tape.gradient(loss, operands, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def results_and_gradients(
    layer: keras.layers.RNN,
    inputs: NDArray[Any] | tf.Tensor,
    states: Sequence[NDArray[Any]] | None,
    weights: Sequence[keras.Variable],
    **options: Any,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """What the layer gives, and the gradients of a random weighing of it: of the inputs, the states and the weights."""
    inputs = tf.convert_to_tensor(inputs)
    given = None if states is None else [tf.constant(state) for state in states]
    tape = tf.GradientTape()
    with tape:
        tape.watch([inputs, *(given or [])])
        results = layer(inputs, initial_state=given, **options)
        results = [results] if tf.is_tensor(results) else list(results)
    return results, gradients_of(results, [inputs, *(given or []), *(weight.value for weight in weights)], tape)
