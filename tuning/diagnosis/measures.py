"""What is measured of gradients, weights and recurrent states, as tensors. All in float64: no square overflows."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rnnzoo.tuning.optimization.sparse_gradients import merge_repeated_rows

__all__ = ["DEAD", "SATURATED", "clipping_rows", "gradient_rows", "state_row", "weight_rows"]

# A unit is dead whose output stays below this on a whole batch: a ReLU's 0, or too little for any layer to read.
DEAD = 1e-6
# A unit is saturated whose output is beyond this at nine steps of ten: the slope of tanh there is below a tenth.
SATURATED = 0.95
SATURATED_STEPS = 0.9
# Scaling a gradient by a factor of exactly 1 may round it; clipping is what changes more.
ROUNDING = 1e-5


def gradient_rows(gradients: Sequence[Any]) -> tf.Tensor:
    """For each gradient, dense or `tf.IndexedSlices`, its norm and how many of its values are not finite.

    >>> gradient_rows([tf.constant([3.0, 4.0])]).numpy().tolist()
    [[5.0, 0.0]]
    """
    return tf.convert_to_tensor([[tf.norm(v), _count_non_finite(v)] for v in map(_values, gradients)])


def clipping_rows(before: Sequence[Any], after: Sequence[Any]) -> tf.Tensor:
    """For each gradient its norm before and after clipping, and 1 if it was clipped.

    Args:
        before: gradients, dense or `tf.IndexedSlices`.
        after: the same, clipped.

    >>> clipping_rows([tf.constant([3.0, 4.0])], [tf.constant([1.5, 2.0])]).numpy().tolist()
    [[5.0, 2.5, 1.0]]
    """
    rows = []
    for gradient, clipped in zip(before, after, strict=True):
        if isinstance(gradient, tf.IndexedSlices) and not isinstance(clipped, tf.IndexedSlices):
            gradient = tf.convert_to_tensor(gradient)
        values = _values(gradient)
        is_clipped = tf.norm(values - _values(clipped)) > ROUNDING * tf.norm(values)
        rows.append([tf.norm(values), tf.norm(_values(clipped)), tf.cast(is_clipped, tf.float64)])
    return tf.convert_to_tensor(rows)


def weight_rows(before: Sequence[Any], after: Sequence[Any]) -> tf.Tensor:
    """For each variable its norm, the ratio of its change to it, and how many of its values are not finite.

    The ratio is taken to the larger of the norms before and after, so that it is at most 2, and 1 for what was 0.

    >>> weight_rows([tf.constant([3.0, 4.0])], [tf.constant([3.0, 4.5])]).numpy().round(3).tolist()
    [[5.408, 0.092, 0.0]]
    """
    rows = []
    for old, new in zip(before, after, strict=True):
        old, new = tf.cast(old, tf.float64), tf.cast(new, tf.float64)
        change = tf.math.divide_no_nan(tf.norm(new - old), tf.maximum(tf.norm(old), tf.norm(new)))
        rows.append([tf.norm(new), change, _count_non_finite(new)])
    return tf.convert_to_tensor(rows)


def state_row(outputs: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """The share of dead units, the share of saturated units, and the largest magnitude of any output.

    A unit counts as saturated near ±1, where tanh and the gates' product end; outputs beyond 1 are of a function that
    does not saturate.

    Args:
        outputs: (batch, time, units) the hidden states of a layer at every step.
        mask: (batch, time), False where a step is padding.

    >>> state_row(tf.constant([[[0.0, 0.99, 0.5], [0.0, -0.98, 0.1]]])).numpy().round(2).tolist()
    [0.33, 0.33, 0.99]
    """
    sizes = tf.abs(tf.cast(outputs, tf.float64))
    steps = tf.ones(tf.shape(sizes)[:-1], tf.float64) if mask is None else tf.cast(mask, tf.float64)
    steps = tf.broadcast_to(steps[..., tf.newaxis], tf.shape(sizes))  # (batch, time, units)
    axes = list(range(sizes.shape.rank - 1))
    near = tf.cast((sizes > SATURATED) & (sizes <= 1.0), tf.float64)
    share = tf.math.divide_no_nan(tf.reduce_sum(near * steps, axes), tf.reduce_sum(steps, axes))
    largest = tf.reduce_max(tf.where(steps > 0, sizes, 0.0), axes)
    dead = tf.reduce_mean(tf.cast(largest <= DEAD, tf.float64))
    saturated = tf.reduce_mean(tf.cast(share >= SATURATED_STEPS, tf.float64))
    return tf.stack([dead, saturated, tf.reduce_max(largest)])


def _values(gradient: Any) -> tf.Tensor:
    merged = merge_repeated_rows(gradient)
    return tf.cast(merged.values if isinstance(merged, tf.IndexedSlices) else merged, tf.float64)


def _count_non_finite(values: tf.Tensor) -> tf.Tensor:
    return tf.math.count_nonzero(~tf.math.is_finite(values), dtype=tf.float64)
