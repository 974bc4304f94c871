"""When the loops over time are worth an XLA program of their own, and into how many pieces they are cut."""

import os
from functools import cache

import tensorflow as tf

__all__ = ["compiled_pieces"]

WORTH_COMPILING = 2**19
"""Multiplications of a step's recurrent product from which a training repays the second or two that compiling takes."""

USUAL_BATCH = 32
"""Rows of a batch of unknown size: Keras's default."""

ROWS_PER_PIECE = 8
"""With fewer rows a product waits for the kernel to come from memory."""


def compiled_pieces(
    batch: int | None, time: int | None, multiplications_per_row: int, rows_are_independent: bool = True
) -> int:
    """Into how many pieces of rows `scan` is to cut the loops of a training step; 0 leaves them uncompiled.

    Compiled are loops inside a `tf.function` (a layer called by hand runs once and would compile each time), of a known
    number of steps (every new one would compile again) and of some size. On a CPU there is a piece for each core, but
    of no fewer than 8 rows; elsewhere one.

    Args:
        batch, time: the shape of the sequences, None where unknown. Keras's `fit` does not know the batch where the
            last one is smaller: it is taken for one of 32 rows, and compiles for each size that comes, which are two.
        multiplications_per_row: of one step's recurrent product.
        rows_are_independent: False if the equation mixes the rows of a batch.

    Example:
        >>> compiled_pieces(32, 100, 256 * 1024)   # not inside a tf.function
        0
    """
    if tf.executing_eagerly() or time is None:
        return 0
    batch = USUAL_BATCH if batch is None else batch
    if batch * multiplications_per_row < WORTH_COMPILING:
        return 0
    if not rows_are_independent or _accelerated():
        return 1
    return max(1, min(_cores(), batch // ROWS_PER_PIECE))


@cache
def _accelerated() -> bool:
    return any(device.device_type != "CPU" for device in tf.config.list_physical_devices())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
