"""Our cells are Keras cells: Keras's own loop, driving the same cell, agrees with our scan."""

from typing import Any

import keras
import numpy as np
import pytest
from conformance.measuring import MASKS, random_inputs, results_and_gradients
from conformance.networks import NETWORKS, Network, names

VARIATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "masked": {"mask": "middle"},
    "masked backwards": {"mask": "left", "go_backwards": True},
    "last output only": {"mask": "right", "return_sequences": False},
}


@pytest.mark.parametrize("variation", VARIATIONS)
@pytest.mark.parametrize(**names(NETWORKS))
def test_equals_keras_loop(network: Network, variation: str) -> None:
    options = {"return_sequences": True, "return_state": True, **VARIATIONS[variation]}
    mask = MASKS[options.pop("mask", "none")]
    layer = network.build(dtype="float64", **options)
    loop = keras.layers.RNN(layer.cell, dtype="float64", **options)
    weights = layer.cell.trainable_variables

    expected, expected_gradients = results_and_gradients(loop, random_inputs("float64"), None, weights, mask=mask)
    results, gradients = results_and_gradients(layer, random_inputs("float64"), None, weights, mask=mask)
    for want, got in zip([*expected, *expected_gradients], [*results, *gradients], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-11)
