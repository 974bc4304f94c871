"""What Keras promises of a recurrent layer, kept by each of ours."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import MASKS, random_inputs
from conformance.networks import BATCH, DIFFERENT, FEATURES, NETWORKS, TIME, UNITS, Network, names


@pytest.mark.parametrize(**names(NETWORKS))
def test_shapes(network: Network) -> None:
    """Symbolic and eager calls agree on every shape, and on what stays unknown."""
    for sequences in (False, True):
        for state in (False, True):
            layer = network.build(return_sequences=sequences, return_state=state)
            time = (TIME,) if sequences else ()
            results = layer(random_inputs())
            symbolic = layer(keras.Input((None, FEATURES)))
            state_shapes = [(BATCH, size) for size in layer.state_size] if state else []
            assert [(BATCH, *time, UNITS), *state_shapes] == [
                tuple(result.shape) for result in tf.nest.flatten(results)
            ]
            assert [(None, *(None for _ in time), UNITS), *((None, size) for _, size in state_shapes)] == [
                tuple(result.shape) for result in tf.nest.flatten(symbolic)
            ]


@pytest.mark.parametrize(**names(NETWORKS))
def test_last_output_ends_the_sequence(network: Network) -> None:
    sequences, last = network.build(return_sequences=True), network.build()
    for mask in MASKS.values():
        np.testing.assert_allclose(
            last(random_inputs(), mask=mask), sequences(random_inputs(), mask=mask)[:, -1], rtol=1e-6
        )


@pytest.mark.parametrize(**names(NETWORKS))
def test_backwards_reads_from_the_end(network: Network) -> None:
    mask = MASKS["middle"]
    assert mask is not None
    forwards, backwards = network.build(return_sequences=True), network.build(return_sequences=True, go_backwards=True)
    expected = forwards(random_inputs()[:, ::-1], mask=mask[:, ::-1])
    np.testing.assert_allclose(backwards(random_inputs(), mask=mask), expected, rtol=1e-6)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize(**names(NETWORKS))
def test_stateful_carries_its_state(network: Network, compiled: bool) -> None:
    stateful, plain = network.build(batch=BATCH, stateful=True), network.build()
    run = tf.function(lambda inputs: stateful(inputs)) if compiled else stateful
    inputs = random_inputs()
    first, second = inputs[:, :-1], inputs[:, -1:]
    for _ in range(2):
        np.testing.assert_allclose(run(first), plain(first), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(run(second), plain(inputs), rtol=1e-5, atol=1e-6)
        assert np.abs(plain(inputs) - plain(second)).max() > 1e-3  # or the comparison above would say nothing
        stateful.reset_state()


@pytest.mark.parametrize(**names(NETWORKS))
def test_bidirectional_reads_both_ways(network: Network) -> None:
    both = keras.layers.Bidirectional(network.build(return_sequences=True), merge_mode="concat")
    mask = MASKS["right"]
    outputs = both(random_inputs(), mask=mask)
    assert (BATCH, TIME, 2 * UNITS) == outputs.shape
    backwards = network.build(return_sequences=True, go_backwards=True)
    backwards.set_weights(both.backward_layer.get_weights())
    np.testing.assert_allclose(outputs[..., :UNITS], both.forward_layer(random_inputs(), mask=mask), rtol=1e-6)
    np.testing.assert_allclose(outputs[..., UNITS:], backwards(random_inputs(), mask=mask)[:, ::-1], rtol=1e-6)


@pytest.mark.parametrize(**names(NETWORKS))
def test_dropout_is_for_training_and_the_same_in_each_step(network: Network) -> None:
    layer = network.build(dropout=0.5, recurrent_dropout=0.5, seed=1, return_sequences=True)
    plain = network.build(return_sequences=True)
    np.testing.assert_array_equal(plain(random_inputs()), layer(random_inputs(), training=False))
    assert np.abs(plain(random_inputs()) - layer(random_inputs(), training=True)).max() > 1e-3
    again = network.build(dropout=0.5, recurrent_dropout=0.5, seed=1, return_sequences=True)
    other = network.build(dropout=0.5, recurrent_dropout=0.5, seed=2, return_sequences=True)
    first = again(random_inputs(), training=True)
    assert np.abs(other(random_inputs(), training=True) - first).max() > 1e-3


@pytest.mark.parametrize(**names(DIFFERENT))
def test_one_layer_used_twice_trains_in_fit(network: Network) -> None:
    """One step of plain descent in `fit` moves each weight by the gradient that Keras's own loop computes."""
    layer = network.build()
    inputs, targets = random_inputs(), np.ones((BATCH, UNITS), np.float32)
    weights = layer.trainable_variables
    before = [weight.numpy() for weight in weights]

    loop = keras.layers.RNN(layer.cell)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((loop(inputs) + loop(inputs * 0.5) - targets) ** 2)
    gradients = tape.gradient(loss, [weight.value for weight in weights], unconnected_gradients="zero")

    sequence = keras.Input((None, FEATURES))
    model = keras.Model(sequence, layer(sequence) + layer(sequence * 0.5))
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
    model.fit(inputs, targets, batch_size=BATCH, verbose=0)
    for weight, start, gradient in zip(weights, before, gradients, strict=True):
        if network.training_step is None:
            np.testing.assert_allclose(weight, start - gradient, rtol=1e-4, atol=1e-5, err_msg=weight.name)
        else:  # Keras's loop knows no statistics of a training batch, but the weights must move
            assert np.abs(weight - start).max() > 0
