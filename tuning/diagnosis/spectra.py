"""Spectral radii of recurrent kernels."""

from typing import Any

import keras
import numpy as np

from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.layers.gated import GRUCell, LSTMCell

__all__ = ["spectral_radii"]

_LSTM_GATES = ("input", "forget", "update", "output")
_GRU_GATES = ("update", "reset", "candidate")


def spectral_radii(cell: Any) -> dict[str, float]:
    """The largest absolute eigenvalue of each square block of a recurrent kernel, NaN where it is not finite.

    The blocks are called by their gate, or `delay_1`, `delay_4`, … where they read several delays, or `recurrent`.

    Example:
        >>> cell = keras.layers.SimpleRNNCell(2, recurrent_initializer=keras.initializers.Identity(0.5))
        >>> cell.build((None, 1))
        >>> spectral_radii(cell)
        {'recurrent': 0.5}
    """
    kernel = getattr(cell, "recurrent_kernel", None)
    if kernel is None or len(kernel.shape) != 2 or max(kernel.shape) % min(kernel.shape):
        return {}
    values = keras.ops.convert_to_numpy(kernel).astype(np.float64)
    count, axis = max(values.shape) // min(values.shape), int(np.argmax(values.shape))
    blocks = np.split(values, count, axis=axis)
    return {name: _radius(block) for name, block in zip(_names(cell, count), blocks, strict=True)}


def _names(cell: Any, count: int) -> tuple[str, ...]:
    if isinstance(cell, LSTMCell | keras.layers.LSTMCell):
        return _LSTM_GATES
    if isinstance(cell, GRUCell | keras.layers.GRUCell):
        return _GRU_GATES
    if isinstance(cell, RecurrentCell) and cell.delays != (1,):
        return tuple(f"delay_{delay}" for delay in cell.delays)
    return ("recurrent",) if count == 1 else tuple(f"block_{index}" for index in range(count))


def _radius(block: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(block)).max()) if np.isfinite(block).all() else float("nan")
