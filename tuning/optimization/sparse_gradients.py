"""Sparse gradients with every row named once."""

import tensorflow as tf

__all__ = ["first_occurrences", "merge_repeated_rows"]


def merge_repeated_rows(gradient: tf.Tensor | tf.IndexedSlices | None) -> tf.Tensor | tf.IndexedSlices | None:
    """Adds up the rows that name the same word, of which there is one for each time it came; dense gradients pass.

    A norm, a clipped value or a squared gradient taken row by row is wrong while a word's gradient lies about in
    pieces: Keras's clipping and its Adam do take them so. The sum stands where the word came first, zeros where it came
    again, so shapes stay static, as XLA needs them.

    >>> pieces = tf.IndexedSlices(tf.constant([[1.0], [5.0], [2.0]]), tf.constant([7, 3, 7]), tf.constant([10, 1]))
    >>> whole = merge_repeated_rows(pieces)
    >>> whole.indices.numpy().tolist(), whole.values.numpy()[:, 0].tolist()
    ([7, 3, 7], [3.0, 5.0, 0.0])
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    slots = first_occurrences(gradient.indices, gradient.dense_shape[0])
    values = tf.math.unsorted_segment_sum(gradient.values, slots, tf.size(slots))
    return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)


def first_occurrences(ids: tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    """Where each of the ids, all below `size`, came first, (n,).

    >>> first_occurrences(tf.constant([7, 3, 7]), 10).numpy().tolist()
    [0, 1, 0]
    """
    # No sorting: XLA on a CPU takes four times as long for the whole training step where sorted rows are gathered.
    positions = tf.range(tf.size(ids))
    table = tf.fill([tf.cast(size, tf.int32)], tf.size(positions))
    return tf.gather(tf.tensor_scatter_nd_min(table, ids[:, tf.newaxis], positions), ids)
