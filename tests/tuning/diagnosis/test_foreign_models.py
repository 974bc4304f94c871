"""Models of Keras's own layers, and of cells that nobody has seen: every gradient against the tape, in float64."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from unrolled import assert_equal_gradients, record

from rnnzoo.models import IRNN, SkipRNN, SkipUpdateGRU
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow
from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow_of_rows
from rnnzoo.tuning.diagnosis.weight_terms import total_gradient

ROWS, TIME, WORDS = 2, 7, 11


def text() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    return random.integers(WORDS, size=(ROWS, TIME)).astype(np.int32), random.integers(WORDS, size=ROWS)


def squared(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum((outputs - targets) ** 2, axis=-1)


def cross_entropy(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, outputs)


@keras.saving.register_keras_serializable("test")
class LeakyCell(keras.layers.Layer):
    """A cell that nobody has seen before, with a single state that is not in a list."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape: Any) -> None:
        self.mixing = self.add_weight(shape=(input_shape[-1] + self.units, self.units), name="mixing")
        self.rate = self.add_weight(shape=(self.units,), name="rate")

    def call(self, inputs: tf.Tensor, states: Any) -> Any:
        (old,) = states
        new = tf.tanh(tf.matmul(tf.concat([inputs, old], axis=-1), self.mixing))
        hidden = old + tf.sigmoid(self.rate) * (new - old)
        return hidden, [hidden]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


FOREIGN = {
    "SimpleRNN": lambda: keras.layers.SimpleRNN(4, return_sequences=True),
    "SimpleRNN relu, no bias": lambda: keras.layers.SimpleRNN(4, "relu", use_bias=False, return_sequences=True),
    "LSTM": lambda: keras.layers.LSTM(4, return_sequences=True),
    "LSTM with another activation": lambda: keras.layers.LSTM(4, activation="softsign", return_sequences=True),
    "GRU": lambda: keras.layers.GRU(4, return_sequences=True),
    "GRU, reset before": lambda: keras.layers.GRU(4, reset_after=False, return_sequences=True),
    "RNN": lambda: keras.layers.RNN(keras.layers.LSTMCell(4, dtype="float64"), return_sequences=True),
    "RNN of an unknown cell": lambda: keras.layers.RNN(LeakyCell(4, dtype="float64"), return_sequences=True),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_keras_models_of_words(kind: str) -> None:
    """Two layers, the upper of which gives its last output alone, between layers of other kinds."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        model = keras.Sequential(
            [
                keras.layers.Embedding(WORDS, 5),
                FOREIGN[kind](),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(6, "tanh"),
                keras.layers.LSTM(3),
                keras.layers.Dense(WORDS),
            ]
        )
        model.build((None, TIME))
    finally:
        keras.config.set_dtype_policy(policy)
    random = np.random.default_rng(1)
    model.set_weights([0.6 * random.normal(size=weight.shape) for weight in model.weights])
    inputs, targets = text()
    assert_equal_gradients(model, inputs, targets, cross_entropy)


def flow_of_words(*head: keras.layers.Layer) -> GradientFlow:
    layers = [keras.layers.Embedding(WORDS, 5), keras.layers.SimpleRNN(4, return_sequences=True), *head]
    model = keras.Sequential([keras.layers.Input((TIME,)), *layers])
    random = np.random.default_rng(1)
    model.set_weights([0.6 * random.normal(size=weight.shape) for weight in model.weights])
    return gradient_flow_of_rows(model, *text(), jacobian_positions=1)


@pytest.fixture(scope="module")
def flow_from_logits() -> GradientFlow:
    return flow_of_words(keras.layers.Dense(WORDS))


SOFTMAX_HEADS = {
    "Dense": lambda: [keras.layers.Dense(WORDS, "softmax")],
    "TimeDistributed": lambda: [keras.layers.TimeDistributed(keras.layers.Dense(WORDS, "softmax"))],
    "nested": lambda: [keras.Sequential([keras.layers.Dense(WORDS), keras.layers.Softmax()])],
    "Lambda": lambda: [keras.layers.Dense(WORDS), keras.layers.Lambda(keras.ops.softmax)],
}


@pytest.mark.parametrize("head", SOFTMAX_HEADS)
def test_probabilities_are_not_taken_for_logits(head: str, flow_from_logits: GradientFlow) -> None:
    flow = flow_of_words(*SOFTMAX_HEADS[head]())
    assert flow_from_logits.loss == pytest.approx(flow.loss)
    np.testing.assert_allclose(flow.layers[0].hidden.median, flow_from_logits.layers[0].hidden.median)


def masked(layer: keras.layers.RNN) -> keras.Model:
    """Zeros are padding; the upper layer sees the mask of the lower one."""
    inputs = keras.layers.Input((None, 2), dtype="float64")
    upper = keras.layers.LSTM(3, dtype="float64")
    return keras.Sequential(
        [inputs, keras.layers.Masking(dtype="float64"), layer, upper, keras.layers.Dense(1, dtype="float64")]
    )


MASKABLE = {
    "LSTM": lambda: keras.layers.LSTM(3, return_sequences=True, dtype="float64"),
    "zeros for masked": lambda: IRNN(3, return_sequences=True, zero_output_for_mask=True, dtype="float64"),
    "SkipRNN": lambda: SkipRNN(3, skip=2, return_sequences=True, dtype="float64"),
    "SkipUpdateGRU": lambda: SkipUpdateGRU(3, return_sequences=True, dtype="float64"),
}


@pytest.mark.parametrize("padded", [[0, 1], [3, 5], [6]], ids=["left", "middle", "right"])
@pytest.mark.parametrize("kind", MASKABLE)
def test_masks(kind: str, padded: list[int]) -> None:
    """The terms add up to the gradient of the model as Keras runs it, and masked steps have none."""
    model = masked(MASKABLE[kind]())
    random = np.random.default_rng(1)
    model.set_weights([0.6 * random.normal(size=weight.shape) for weight in model.weights])
    inputs, targets = random.normal(size=(ROWS, TIME, 2)), random.normal(size=(ROWS, 1))
    inputs[1, padded] = 0.0
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)]
    for row, recordings, place in record(model, inputs, targets, squared):
        with tf.GradientTape() as tape:
            loss = squared(targets[row], model(inputs[row : row + 1]))
        gradients = tape.gradient(loss, [[v.value for v in layer.cell.trainable_variables] for layer in layers])
        for layer, recording, expected in zip(layers, recordings, gradients, strict=True):
            for variable, gradient in zip(layer.cell.trainable_variables, expected, strict=True):
                if variable.name not in recording.terms:
                    continue
                term = recording.terms[variable.name]
                whole = np.ravel(total_gradient(term)[place])
                np.testing.assert_allclose(whole, np.ravel(gradient), rtol=1e-6, atol=1e-12)
                if row == 1:
                    assert np.all(0 == term.right.numpy()[padded, place])


def test_a_mask_that_hides_everything() -> None:
    model = masked(keras.layers.LSTM(3, return_sequences=True, dtype="float64"))
    with pytest.raises(ValueError, match="the mask must show some steps, but it hides all of them from lstm"):
        gradient_flow_of_rows(model, np.zeros((2, 9, 2)), np.ones((2, 1)), loss=squared)


def test_a_mask_that_hides_one_row() -> None:
    """Nothing flows there, and the other rows are measured."""
    model = masked(keras.layers.LSTM(3, return_sequences=True, dtype="float64"))
    inputs = np.random.default_rng(0).normal(size=(3, 9, 2))
    inputs[0] = 0.0
    flow = gradient_flow_of_rows(model, inputs, np.ones((3, 1)), loss=squared)
    assert np.all(flow.layers[0].weights["kernel"].norm > 0)
    assert 1 == pytest.approx(flow.layers[0].weights["kernel"].share.sum())
