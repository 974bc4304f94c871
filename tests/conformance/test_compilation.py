"""Graphs, with and without XLA, give what eager execution gives."""

import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import MASKS, random_inputs, results_and_gradients
from conformance.networks import BATCH, DIFFERENT, FEATURES, NETWORKS, Network, names


@pytest.mark.parametrize(**names(DIFFERENT))
def test_xla_equals_eager(network: Network) -> None:
    """In training, with a mask, with all gradients: whatever a training step compiles."""
    layer = network.build(dtype="float64", return_sequences=True, return_state=True)
    training = network.training_step is None
    states = [tf.constant(state) for state in network.states(layer)]

    def measure(inputs: tf.Tensor) -> list[tf.Tensor]:
        results, gradients = results_and_gradients(
            layer, inputs, states, layer.trainable_variables, mask=MASKS["middle"], training=training
        )
        return [*results, *gradients]

    inputs = tf.constant(random_inputs("float64"))
    for want, got in zip(measure(inputs), tf.function(measure, jit_compile=True)(inputs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(**names(NETWORKS))
def test_one_graph_for_every_length_and_batch(network: Network) -> None:
    layer = network.build(return_sequences=True)
    traced = []

    @tf.function(input_signature=[tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None, None), tf.bool)])
    def run(inputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        traced.append(inputs.shape)
        return layer(inputs, mask=mask)

    for batch, time in ((1, 1), (BATCH, 9), (2, 3)):
        inputs = random_inputs(time=time, batch=batch)
        mask = np.random.default_rng(1).random((batch, time)) < 0.7
        np.testing.assert_allclose(run(inputs, mask), layer(inputs, mask=mask), rtol=1e-5, atol=1e-6)
    assert len(traced) == 1
