"""A step is a scan of one, and a long scan is many short ones: the state that is handed on is the whole memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import random_inputs
from conformance.networks import BATCH, DIFFERENT, FEATURES, NETWORKS, TIME, Network, names


@pytest.mark.parametrize("start", ["the beginning", "anywhere"])
@pytest.mark.parametrize(**names(NETWORKS))
def test_step_equals_scan(network: Network, start: str) -> None:
    layer = network.build(return_sequences=True, return_state=True)
    inputs = tf.constant(random_inputs())
    states = layer.get_initial_state(BATCH) if start == "the beginning" else network.states(layer)
    expected, *expected_states = layer(inputs, initial_state=states)
    outputs = []
    for time in range(TIME):
        output, states = layer.cell.step(inputs[:, time], states)
        outputs.append(output)
    np.testing.assert_allclose(tf.stack(outputs, axis=1), expected, rtol=1e-5, atol=1e-6)
    for want, got in zip(expected_states, states, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 2, 6])
@pytest.mark.parametrize(**names(NETWORKS))
def test_chunks_with_carried_state_equal_one_scan(network: Network, chunk: int) -> None:
    """Chunks shorter than a skip too: part of the old history must survive them."""
    layer = network.build(dtype="float64", return_sequences=True, return_state=True)
    inputs = random_inputs("float64")
    expected, *expected_states = layer(inputs)
    outputs, states = [], None
    for start in range(0, TIME, chunk):
        output, *states = layer(inputs[:, start : start + chunk], initial_state=states)
        outputs.append(output)
    np.testing.assert_allclose(tf.concat(outputs, axis=1), expected, rtol=1e-12, atol=1e-13)
    for want, got in zip(expected_states, states or [], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def calm(layer: keras.layers.RNN) -> None:
    """Shrink the recurrent kernel until the network forgets: neither chaos nor growth shall pass for a drift."""
    kernel = layer.cell.recurrent_kernel
    kernel.assign(0.5 * kernel / np.linalg.norm(kernel, ord=2))


@pytest.mark.parametrize(**names(DIFFERENT))
def test_ten_thousand_steps_drift_nowhere(network: Network) -> None:
    """A hundred float32 scans that hand their state on stay with one long float64 scan to the last step."""
    length, chunks = 10_000, 100
    inputs = tf.constant(np.random.default_rng(3).normal(size=(1, length, FEATURES)))
    layer = network.build(return_sequences=True, return_state=True)
    precise = network.build(return_sequences=True, return_state=True, dtype="float64")
    calm(layer)
    precise.set_weights([weight.astype("float64") for weight in layer.get_weights()])
    run = tf.function(lambda sequence, states: layer(sequence, initial_state=states), reduce_retracing=True)

    states, parts = layer.get_initial_state(1), []
    for part in tf.split(tf.cast(inputs, tf.float32), chunks, axis=1):
        output, *states = run(part, states)
        parts.append(output)
    exact, *exact_states = tf.function(lambda sequence: precise(sequence))(inputs)
    # Layer normalisation divides by the spread of three values: where they nearly agree, rounding grows.
    np.testing.assert_allclose(tf.concat(parts, axis=1), exact, atol=1e-4)
    for want, got in zip(exact_states, states, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-4)
