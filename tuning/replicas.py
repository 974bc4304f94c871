"""What the replicas of a `tf.distribute` strategy share: numbers, the rows of a batch, sums. One replica has it all."""

from typing import Any

import keras
import tensorflow as tf

__all__ = ["number_in", "own_rows", "replica_count", "rows_per_replica", "sum_over_replicas"]


def number_in(variable: keras.Variable) -> float:
    """The number that a variable without axes holds; Python's own `float` does not read one that replicas share.

    >>> number_in(keras.Variable(0.5))
    0.5
    """
    return float(keras.ops.convert_to_numpy(variable))


def replica_count() -> int:
    """How many replicas share each batch: 1 outside of any strategy.

    >>> replica_count()
    1
    """
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def rows_per_replica(batch_size: int) -> int:
    """The rows of a batch that a replica gets.

    Raises:
        ValueError: if they cannot be shared equally: rows that go on from batch to batch have to stay where they are.
    """
    replicas = replica_count()
    if batch_size % replicas:
        raise ValueError(f"batch_size must be a multiple of the {replicas} replicas, but got {batch_size=}.")
    return batch_size // replicas


def own_rows(batch: tf.Tensor, rows: int) -> tf.Tensor:
    """Of a tensor for the whole batch, (batch, ...), the rows of the replica that asks, (rows, ...)."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return batch
    start = tf.cast(context.replica_id_in_sync_group, tf.int32) * rows
    return batch[start : start + rows]


def sum_over_replicas(values: Any) -> Any:
    """The sum over all replicas, in each of them: of a tensor, of slices, or of each of a list of these.

    >>> float(sum_over_replicas(tf.constant(3.0)))
    3.0
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)
