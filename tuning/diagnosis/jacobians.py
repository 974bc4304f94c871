"""How the state at one step moves the state `k` steps later: singular values of the product of Jacobians.

No layer above or below has a part in it: what a layer knows reaches its own later states through itself alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.recurrence import States
from rnnzoo.tuning.diagnosis.cell_steps import CellStep
from rnnzoo.tuning.diagnosis.recorded_loop import Recording, pull_back, row_copies

__all__ = ["jacobian_products", "singular_values"]

Array = npt.NDArray[np.float64]


def jacobian_products(
    step: CellStep, recording: Recording, lags: Sequence[int], rows: int, states: Sequence[int] = (0,)
) -> dict[int, Array]:
    """`∂s_t/∂s_{t-k}` for the last step t, by unrolling backwards from one unit vector for each unit.

    Args:
        step, recording: the layer's cell, and what it did.
        lags: the k, ascending.
        rows: how many rows of the recording to take.
        states: which states: 0 is the hidden one, 1 an LSTM's cell.

    Returns:
        For each state (lags, rows, u, u). Where s is the cell, the hidden state before it is held, and the other way
        round: the two are independent values of the recurrence.
    """
    time, units = recording.drives.shape[0], step.units
    seeds = len(states) * units
    copies = row_copies(step, rows * seeds)
    drives = recording.drives[:, :rows]
    befores = tuple(before[:, :rows] for before in recording.befores)
    mask = None if recording.mask is None else recording.mask[:, :rows]

    def body(now: tf.Tensor, d_states: States) -> tuple[Any, ...]:
        drive, *before = (tf.repeat(values[now], seeds, axis=0) for values in (drives, *befores))
        hidden = None if mask is None else tf.repeat(mask[now], seeds, axis=0)[tf.newaxis]
        d_states, _ = pull_back(step, hidden, tf.constant(0), drive, tuple(before), copies, d_states)
        return now - 1, d_states

    @tf.function
    def pull(first: tf.Tensor, last: tf.Tensor, *d_states: tf.Tensor) -> States:
        _, d_states = tf.while_loop(lambda now, _: now >= last, body, (first, d_states))
        return d_states

    d_states = _unit_vectors(befores, units, rows, states)
    products: dict[int, list[Array]] = {state: [] for state in states}
    reached = 0
    for lag in lags:
        d_states = pull(tf.constant(time - 1 - reached), tf.constant(time - lag), *d_states)
        reached = lag
        for index, state in enumerate(states):
            block = tf.reshape(d_states[state][:, :units], (rows, len(states), units, units))[:, index]
            products[state].append(block.numpy())
    return {state: np.stack(blocks) for state, blocks in products.items()}


def _unit_vectors(befores: Sequence[tf.Tensor], units: int, rows: int, states: Sequence[int]) -> States:
    """Row by row, one unit vector for each unit of each of the states; the newest block is a history's own."""
    vectors = []
    for index, before in enumerate(befores):
        width = before.shape[-1]
        blocks = [np.eye(units, width) if index == state else np.zeros((units, width)) for state in states]
        vectors.append(tf.constant(np.tile(np.concatenate(blocks), (rows, 1))))
    return tuple(vectors)


def singular_values(product: Array) -> Array:
    """The singular values of matrices (…, u, u), largest first: (…, u).

    One that is smaller than rounding beside the largest counts as 0. A matrix that is not finite has none: NaN.

    >>> singular_values(np.array([[3.0, 0.0], [0.0, -4.0]])).tolist()
    [4.0, 3.0]
    """
    finite = np.asarray(np.isfinite(product).all(axis=(-2, -1), keepdims=True))
    matrices: Array = np.where(finite, product, 0.0)
    values = np.asarray(np.linalg.svd(matrices, compute_uv=False), np.float64)
    values = np.where(values < values[..., :1] * product.shape[-1] * np.finfo(np.float64).eps, 0.0, values)
    return np.where(finite[..., 0], values, np.nan)
