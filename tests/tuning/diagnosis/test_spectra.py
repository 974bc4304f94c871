"""Spectral radii of kernels whose eigenvalues are known."""

from typing import Any

import keras
import numpy as np
import pytest

from rnnzoo.models import GRU, LSTM, SimpleRNN, SkipRNN
from rnnzoo.tuning.diagnosis.spectra import spectral_radii

RADII = (0.5, 1.5, 0.9, 0.1)


def blocks(count: int, axis: int) -> np.ndarray:
    """Rotations of the plane, one for each radius: no eigenvalue is real."""
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    return np.concatenate([radius * turn for radius in RADII[:count]], axis=axis)


@pytest.mark.parametrize(
    ("layer", "axis", "names"),
    [
        (SimpleRNN(2), 1, ("recurrent",)),
        (keras.layers.SimpleRNN(2), 1, ("recurrent",)),
        (LSTM(2), 1, ("input", "forget", "update", "output")),
        (keras.layers.LSTM(2), 1, ("input", "forget", "update", "output")),
        (GRU(2), 1, ("update", "reset", "candidate")),
        (keras.layers.GRU(2), 1, ("update", "reset", "candidate")),
        (SkipRNN(2, skip=4), 0, ("delay_1", "delay_4")),
        (SkipRNN(2, skip=3, dilated=True), 0, ("delay_3",)),
    ],
)
def test_a_radius_for_each_block(layer: Any, axis: int, names: tuple[str, ...]) -> None:
    layer.build((None, None, 1))
    layer.cell.recurrent_kernel.assign(blocks(len(names), axis))
    radii = spectral_radii(layer.cell)
    assert names == tuple(radii)
    np.testing.assert_allclose([*radii.values()], RADII[: len(names)], rtol=1e-6)


def test_a_broken_block_has_none() -> None:
    layer = LSTM(2)
    layer.build((None, None, 1))
    kernel = blocks(4, 1)
    kernel[0, 3] = np.inf
    layer.cell.recurrent_kernel.assign(kernel)
    np.testing.assert_allclose([*spectral_radii(layer.cell).values()], [0.5, np.nan, 0.9, 0.1], rtol=1e-6)


def test_a_cell_without_a_recurrent_kernel() -> None:
    assert {} == spectral_radii(object())
