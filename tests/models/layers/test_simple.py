"""SimpleRNN and IRNN: their activations, their starting points, and the flow of gradients that these promise."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.layers import IRNN, SimpleRNN


def input_gradient_norms(layer: Any, time: int) -> np.ndarray:
    """How much each input moves the last output: (time,)."""
    inputs = tf.constant(np.random.default_rng(0).normal(size=(8, time, 4)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs))
    return np.linalg.norm(tape.gradient(loss, inputs), axis=(0, 2))


def test_irnn_starts_as_its_paper_says() -> None:
    layer = IRNN(200)
    layer.build((None, None, 300))
    kernel, recurrent_kernel, bias = layer.get_weights()
    np.testing.assert_array_equal(np.eye(200), recurrent_kernel)
    np.testing.assert_array_equal(np.zeros(200), bias)
    np.testing.assert_allclose(kernel.std(), 0.001, rtol=0.05)
    np.testing.assert_allclose(kernel.mean(), 0.0, atol=1e-4)
    assert keras.activations.relu is layer.cell.activation


def test_irnn_scale_is_the_diagonal() -> None:
    layer = IRNN(3, scale=0.01)
    layer.build((None, None, 2))
    np.testing.assert_allclose(layer.cell.recurrent_kernel, 0.01 * np.eye(3))


def test_irnn_initializers_may_be_chosen() -> None:
    layer = IRNN(3, kernel_initializer="ones", recurrent_initializer="zeros")
    layer.build((None, None, 2))
    np.testing.assert_array_equal(np.ones((2, 3)), layer.cell.kernel)
    np.testing.assert_array_equal(np.zeros((3, 3)), layer.cell.recurrent_kernel)


def test_the_patient_and_its_cure() -> None:
    """Over 60 steps a tanh network's gradient vanishes; an untrained IRNN's is the same at every step."""
    patient = input_gradient_norms(SimpleRNN(16, recurrent_initializer=keras.initializers.Orthogonal(0.7, seed=1)), 60)
    assert patient[0] < 1e-6 * patient[-1]
    cured = IRNN(16, kernel_initializer=keras.initializers.RandomUniform(0.01, 0.1, seed=1), bias_initializer="ones")
    norms = input_gradient_norms(cured, 60)
    np.testing.assert_allclose(norms / norms[-1], np.ones(60), rtol=0.05)


def test_leaky_relu_slope_is_that_of_keras_unless_given() -> None:
    inputs = -np.ones((1, 1, 1), np.float32)
    for options, slope in (({}, 0.2), ({"negative_slope": 0.05}, 0.05), ({"negative_slope": 0.0}, 0.0)):
        layer = SimpleRNN(1, "leaky_relu", kernel_initializer="ones", **options)
        np.testing.assert_allclose(layer(inputs), [[-slope]], rtol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", keras.activations.leaky_relu])
def test_slope_belongs_to_leaky_relu(activation: Any) -> None:
    with pytest.raises(ValueError, match='negative_slope belongs to activation="leaky_relu", but got activation='):
        SimpleRNN(3, activation, negative_slope=0.1)


@pytest.mark.parametrize("value", ["x", float("nan")])
def test_a_scale_and_a_slope_are_numbers(value: Any) -> None:
    with pytest.raises(ValueError, match="scale must be a finite number, but got scale="):
        IRNN(3, scale=value)
    with pytest.raises(ValueError, match="negative_slope must be a finite number, but got negative_slope="):
        SimpleRNN(3, "leaky_relu", negative_slope=value)


@pytest.mark.parametrize("built", [False, True])
def test_an_activation_with_weights_is_refused(built: bool) -> None:
    activation = keras.layers.PReLU()
    if built:
        activation.build((None, 3))
    with pytest.raises(ValueError, match=r"activation must have no weights of its own, but got activation=<PReLU "):
        SimpleRNN(3, activation)
    layer = SimpleRNN(1, keras.layers.ReLU(6), kernel_initializer="ones")
    np.testing.assert_array_equal([[6.0]], layer(np.full((1, 1, 1), 9.0)))


def test_any_keras_activation_goes() -> None:
    layer = SimpleRNN(1, keras.activations.softplus, kernel_initializer="ones", use_bias=False)
    np.testing.assert_allclose(layer(np.zeros((1, 1, 1), np.float32)), [[np.log(2)]], rtol=1e-6)
    assert SimpleRNN.from_config(layer.get_config()).cell.activation is keras.activations.softplus
