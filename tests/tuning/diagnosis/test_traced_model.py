"""Every gradient of every step, against the tape of Keras's own cells walked one by one, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.networks import FEATURES, NETWORKS, TIME, Network, names
from unrolled import assert_equal_gradients, record

from rnnzoo.tuning.diagnosis.weight_terms import total_gradient

ROWS = 2


def squared(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum((outputs - targets) ** 2, axis=-1)


def series() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    return random.normal(size=(ROWS, TIME, FEATURES)), random.normal(size=(ROWS, 2))


def stack(*layers: keras.layers.Layer) -> keras.Model:
    inputs = keras.layers.Input((None, FEATURES), dtype="float64")
    return keras.Sequential([inputs, *layers, keras.layers.Dense(2, dtype="float64")])


@pytest.mark.parametrize(**names(NETWORKS))
def test_every_network_of_the_zoo(network: Network) -> None:
    model = stack(network.build(return_sequences=True, dtype="float64"))
    assert_equal_gradients(model, *series(), squared)


@pytest.mark.parametrize(**names(NETWORKS))
def test_terms_add_up_to_the_gradient_of_the_layer(network: Network) -> None:
    """Against the layer as it trains: the scan and its own backward loop."""
    layer = network.build(return_sequences=True, dtype="float64")
    model = stack(layer)
    inputs, targets = series()
    for row, (recording,), place in record(model, inputs, targets, squared):
        with tf.GradientTape() as tape:
            loss = squared(targets[row], model(inputs[row : row + 1])[:, -1])
        variables = layer.cell.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        compared = [
            (np.ravel(total_gradient(recording.terms[variable.name])[place]), np.ravel(gradient))
            for variable, gradient in zip(variables, gradients, strict=True)
            if variable.name in recording.terms
        ]
        assert len(compared) >= 2
        for got, want in compared:
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-12)
