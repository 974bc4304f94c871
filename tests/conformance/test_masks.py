"""Padding changes nothing: not the outputs, not the states, not the gradients, whatever stands in the padded places."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import MASKS, random_inputs, results_and_gradients
from conformance.networks import BATCH, FEATURES, NETWORKS, TIME, UNITS, Network, names
from masks import mask_of

LENGTH = 4


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(**names(NETWORKS))
def test_padding_changes_nothing(network: Network, side: str) -> None:
    layer = network.build(dtype="float64", return_sequences=True, return_state=True)
    weights, states = layer.trainable_variables, network.states(layer)
    inputs = random_inputs("float64", time=LENGTH)
    start = {"right": 0, "left": TIME - LENGTH}[side]
    real = slice(start, start + LENGTH)
    padded = np.full((BATCH, TIME, FEATURES), 1e3)
    padded[:, real] = inputs
    mask = np.zeros((BATCH, TIME), bool)
    mask[:, real] = True

    (output, *last), _ = results_and_gradients(layer, inputs, states, weights)
    (padded_output, *padded_last), padded_gradients = results_and_gradients(layer, padded, states, weights, mask=mask)
    np.testing.assert_allclose(padded_output[:, real], output, rtol=1e-12, atol=1e-13)
    for want, got in zip(last, padded_last, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
    reached = padded_gradients[0].numpy()[~mask]  # (places, features)
    np.testing.assert_array_equal(np.zeros_like(reached), reached)

    # The gradient of the last state, which no repeated output weighs in.
    def last_state_gradient(sequence: np.ndarray, mask: np.ndarray | None) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            _, state, *_ = layer(sequence, initial_state=[tf.constant(state) for state in states], mask=mask)
            loss = tf.reduce_sum(state**2)
        return tape.gradient(loss, [weight.value for weight in weights], unconnected_gradients="zero")

    for want, got in zip(last_state_gradient(inputs, None), last_state_gradient(padded, mask), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(**names(NETWORKS))
def test_everything_masked(network: Network) -> None:
    layer = network.build(return_sequences=True, return_state=True)
    states = network.states(layer)
    outputs, *last = layer(random_inputs(), initial_state=states, mask=MASKS["everything"])
    np.testing.assert_array_equal(np.zeros((BATCH, TIME, UNITS)), outputs)
    for want, got in zip(states, last, strict=True):
        np.testing.assert_array_equal(want, got)


@pytest.mark.parametrize(**names(NETWORKS))
def test_one_row_of_a_mask_holds_for_all(network: Network) -> None:
    row = np.array([[1, 1, 0, 0, 1, 1, 0]], bool)
    apart, together = network.build(return_sequences=True, seed=1), network.build(return_sequences=True, seed=1)
    expected = apart(random_inputs(), mask=np.repeat(row, BATCH, axis=0), training=True)
    np.testing.assert_array_equal(expected, together(random_inputs(), mask=row, training=True))
    measured = [[*layer.non_trainable_variables, *layer.metrics_variables] for layer in (apart, together)]
    for want, got in zip(*measured, strict=True):
        np.testing.assert_array_equal(want, got)


@pytest.mark.parametrize(**names(NETWORKS))
def test_mask_arrives_from_layers_in_front_and_travels_on(network: Network) -> None:
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [0, 1, 0, 2]])
    embedding = keras.layers.Embedding(4, FEATURES, mask_zero=True)
    layer = network.build(return_sequences=True)
    outputs = layer(embedding(ids))
    np.testing.assert_array_equal(layer(embedding(ids).numpy(), mask=ids != 0), outputs)
    np.testing.assert_array_equal(ids != 0, mask_of(outputs))
