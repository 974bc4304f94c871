"""Normalisation inside the recurrence: what the population statistics learn, and from which steps."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import layers
from rnnzoo.models.layers.simple import SimpleRNNCell
from rnnzoo.models.normalization import BatchNormalizer, normalizer

LAYERS = [getattr(layers, name) for name in layers.__all__]
INPUTS = np.random.default_rng(0).normal(size=(8, 10, 3)).astype(np.float32)


def built(layer_class: Any, momentum: float = 0.0, **options: Any) -> Any:
    """A batch-normalised layer with random weights; without momentum it believes the last batch alone."""
    layer = layer_class(4, normalization="batch", return_sequences=True, return_state=True, **options)
    layer.build((None, None, 3))
    random = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        weight.assign(0.8 * random.normal(size=weight.shape))
    layer.cell.normalizer.momentum = momentum
    return layer


def population(layer: Any, name: str) -> np.ndarray:
    return next(weight for weight in layer.non_trainable_variables if weight.name == name).numpy()


@pytest.mark.parametrize("layer_class", LAYERS)
def test_a_batch_learned_by_heart_is_answered_as_in_training(layer_class: Any) -> None:
    """Each site learns the statistics of exactly those values that it normalised, step by step."""
    layer = built(layer_class)
    expected, *_ = layer(INPUTS, training=True)
    outputs, *_ = layer(INPUTS, training=False)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer_class", [layers.SimpleRNN, layers.LSTM, layers.GRU, layers.SkipRNN])
def test_carried_states_carry_the_count_of_steps(layer_class: Any) -> None:
    """Truncated backpropagation: the second window goes on with the statistics of the eleventh step and later."""
    layer = built(layer_class)
    first, *states = layer(INPUTS, training=True)
    second, *_ = layer(INPUTS[:, ::-1], initial_state=states, training=True)
    outputs, *_ = layer(np.concatenate([INPUTS, INPUTS[:, ::-1]], axis=1), training=False)
    np.testing.assert_allclose(outputs, tf.concat([first, second], axis=1), rtol=1e-4, atol=1e-5)


def test_momentum_keeps_a_share_of_the_old_statistics() -> None:
    layer = built(layers.SimpleRNN, momentum=0.9)
    layer(INPUTS, training=True)
    products = INPUTS @ layer.cell.kernel.numpy()  # (batch, time, units)
    mean, variance = population(layer, "input_moving_mean"), population(layer, "input_moving_variance")
    np.testing.assert_allclose(mean[:10], 0.1 * products.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(variance[:10], 0.9 + 0.1 * products.var(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(np.zeros((40, 4)), mean[10:])  # steps never seen
    np.testing.assert_array_equal(np.ones((40, 4)), variance[10:])


def test_late_steps_share_the_last_statistics() -> None:
    layer = built(layers.SimpleRNN)
    layer.cell.normalizer.steps = 50
    inputs = np.random.default_rng(2).normal(size=(8, 60, 3)).astype(np.float32)
    layer(inputs, training=True)
    products = inputs @ layer.cell.kernel.numpy()
    mean = population(layer, "input_moving_mean")
    assert (50, 4) == mean.shape
    np.testing.assert_allclose(mean[49], products[:, 49:].mean(axis=(0, 1)), rtol=1e-3, atol=1e-5)


def test_inference_learns_nothing() -> None:
    layer = built(layers.LSTM)
    before = [weight.numpy() for weight in layer.non_trainable_variables]
    layer(INPUTS, training=False)
    for expected, weight in zip(before, layer.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(expected, weight)


def test_one_row_is_answered_alone_as_among_others() -> None:
    """Inference depends on the row, never on its neighbours."""
    layer = built(layers.GRU)
    layer(INPUTS, training=True)
    expected, *_ = layer(INPUTS)
    alone, *_ = layer(INPUTS[:1])
    np.testing.assert_allclose(alone, expected[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("normalization", "gain"), [("layer", 1.0), ("batch", 0.1)])
def test_gains_start_as_the_papers_say(normalization: str, gain: float) -> None:
    layer = layers.LSTM(4, normalization=normalization)
    layer.build((None, None, 3))
    gains = {weight.name: weight.numpy() for weight in layer.weights if weight.name.endswith("_gain")}
    assert {"input_gain", "recurrent_gain", "cell_gain"} == gains.keys()
    for value in gains.values():
        np.testing.assert_array_equal(np.full_like(value, gain), value)


def test_batch_normalized_statistics_do_not_train() -> None:
    layer = built(layers.SimpleRNN)
    assert {"input_moving_mean", "input_moving_variance", "recurrent_moving_mean", "recurrent_moving_variance"} == {
        weight.name for weight in layer.non_trainable_variables if "moving" in weight.name
    }


def test_training_carries_no_tables_through_its_steps() -> None:
    """Each backward step would add up a gradient of zeros for them."""
    layer = built(layers.LSTM)
    in_training = layer.cell.step_weights(training=True)
    assert {weight.name for weight in layer.cell.trainable_variables} >= set(in_training)
    assert {"input_moving_mean", "recurrent_moving_variance"} <= set(layer.cell.step_weights())


def test_statistics_cannot_be_learned_step_by_step() -> None:
    loop = keras.layers.RNN(SimpleRNNCell(4, normalization="batch"))
    assert (8, 4) == loop(INPUTS).shape
    with pytest.raises(
        ValueError, match=r'"batch" must be trained in a layer .*, but SimpleRNNCell is run step by step'
    ):
        loop(INPUTS, training=True)


def test_names() -> None:
    assert isinstance(normalizer("batch"), BatchNormalizer)
    with pytest.raises(ValueError, match=r"normalization must be None or one of .*, but got normalization='instance'"):
        normalizer("instance")


def trained(layer: Any, inputs: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, list[np.ndarray]]:
    """The outputs in training, and all that was learnt from them: gradients and population statistics."""
    with tf.GradientTape() as tape:
        outputs = layer(inputs, mask=mask, training=True)[0]
        counted = outputs if mask is None else tf.boolean_mask(outputs, mask)
        loss = tf.reduce_mean(tf.square(counted))
    return outputs.numpy(), [*tape.gradient(loss, layer.trainable_weights), *layer.non_trainable_weights]


@pytest.mark.parametrize("layer_class", LAYERS)
def test_what_is_masked_counts_in_no_statistics(layer_class: Any) -> None:
    """A batch padded behind, in front and with whole rows learns what the batch alone learns."""
    expected, learnt = trained(built(layer_class), INPUTS, None)
    padding = 100 * np.ones((8, 3, 3), np.float32)
    padded = np.pad(np.concatenate([padding, INPUTS, padding], axis=1), ((0, 2), (0, 0), (0, 0)), constant_values=99)
    mask = np.zeros((10, 16), bool)
    mask[:8, 3:13] = True
    outputs, learnt_too = trained(built(layer_class), padded, mask)
    np.testing.assert_allclose(outputs[:8, 3:13], expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(learnt, learnt_too, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)


def test_rows_at_different_steps_teach_the_statistics_of_their_own() -> None:
    layer = built(layers.SimpleRNN)
    steps = [tf.zeros((2, 4)), tf.constant([[0.0], [3.0]])]
    layer(INPUTS[:2, :1], initial_state=steps, training=True)
    mean = population(layer, "input_moving_mean")
    products = INPUTS[:2, 0] @ layer.cell.kernel.numpy()
    np.testing.assert_allclose(mean[[0, 3]], 2 * [products.mean(axis=0)], rtol=1e-5)
    np.testing.assert_array_equal(np.zeros((48, 4)), np.delete(mean, [0, 3], axis=0))
