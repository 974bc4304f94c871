"""Products of Jacobians against a tape over the cells, and against kernels whose spectrum is known."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.networks import DIFFERENT, FEATURES, TIME, Network, names

from rnnzoo.tuning.diagnosis.jacobians import jacobian_products, singular_values
from rnnzoo.tuning.diagnosis.traced_model import TracedModel

ROWS = 2
LAGS = [1, 4]


def last_values(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(outputs, axis=-1)


def products(layer: Any, inputs: np.ndarray, lags: list[int], states: tuple[int, ...] = (0,)) -> dict[int, np.ndarray]:
    """(lags, rows, units, units) for each state."""
    model = keras.Sequential([keras.layers.Input((None, inputs.shape[-1]), dtype="float64"), layer])
    traced = TracedModel(model, inputs[:1], last_values)
    ((_, (recording,)),) = traced.run(inputs, np.zeros(len(inputs)))
    return jacobian_products(traced.steps[0], recording, lags, len(inputs), states)


@pytest.mark.parametrize(**names(DIFFERENT))
def test_equal_the_tape(network: Network) -> None:
    layer = network.build(dtype="float64", return_sequences=True)
    inputs = np.random.default_rng(3).normal(size=(ROWS, TIME, FEATURES))
    states = (0, 1) if len(layer.cell.state_size) > 1 and layer.cell.state_size[1] == layer.units else (0,)
    got = products(layer, inputs, LAGS, states)
    for row in range(ROWS):
        for index, lag in enumerate(LAGS):
            before = layer.get_initial_state(1)
            for now in range(TIME - lag):
                _, before = layer.cell(inputs[row : row + 1, now], before)
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(before)
                after = before
                for now in range(TIME - lag, TIME):
                    _, after = layer.cell(inputs[row : row + 1, now], after)
                after = [state[:, : layer.units] for state in after]
            for state in states:
                jacobian = tape.jacobian(after[state], before[state], experimental_use_pfor=False)
                expected = jacobian[0, :, 0, : layer.units]
                np.testing.assert_allclose(got[state][index, row], expected, rtol=1e-9, atol=1e-14)


def linear(kernel: np.ndarray) -> keras.layers.SimpleRNN:
    layer = keras.layers.SimpleRNN(len(kernel), "linear", return_sequences=True, dtype="float64")
    layer.build((None, None, 1))
    layer.cell.recurrent_kernel.assign(kernel)
    return layer


def test_a_linear_network_multiplies_its_kernel() -> None:
    kernel = np.random.default_rng(0).normal(size=(5, 5))
    got = products(linear(kernel), np.ones((1, 9, 1)), [1, 2, 7])[0][:, 0]
    for product, power in zip(got, (1, 2, 7), strict=True):
        np.testing.assert_allclose(product, np.linalg.matrix_power(kernel.T, power), rtol=1e-9)


def test_a_scaled_rotation_has_one_singular_value() -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    got = singular_values(products(linear(0.9 * rotation), np.ones((1, 60, 1)), [1, 10, 50])[0][:, 0])
    np.testing.assert_allclose(got, np.power(0.9, [[1], [10], [50]]) * np.ones((1, 6)), rtol=1e-9)


def test_singular_values_below_rounding_are_zero_and_broken_matrices_have_none() -> None:
    values = singular_values(np.stack([np.diag([1.0, 1e-20]), np.diag([np.nan, 1.0]), np.zeros((2, 2))]))
    np.testing.assert_array_equal([[1.0, 0.0], [np.nan, np.nan], [0.0, 0.0]], values)


def test_masked_steps_change_nothing() -> None:
    layer = keras.layers.GRU(3, return_sequences=True, dtype="float64")
    layer.build((None, None, 2))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    inputs = random.normal(size=(1, 8, 2))
    padded = np.insert(inputs, 6, 0.0, axis=1)
    model = keras.Sequential([keras.layers.Input((None, 2), dtype="float64"), keras.layers.Masking(), layer])
    traced = TracedModel(model, padded[:1], last_values)
    ((_, (recording,)),) = traced.run(padded, np.zeros(1))
    masked = jacobian_products(traced.steps[0], recording, [2, 3, 5], 1)[0]
    np.testing.assert_allclose(masked, products(layer, inputs, [2, 2, 4])[0], rtol=1e-12)
