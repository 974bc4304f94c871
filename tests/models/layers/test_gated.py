"""LSTM and GRU: their biases at the start, and what open and closed gates do."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.initializers import ChronoGRU, ChronoLSTM
from rnnzoo.models.layers import GRU, LSTM

ZEROS = np.zeros((2, 50, 3), np.float32)


def built(layer: Any) -> Any:
    layer.build((None, None, 3))
    return layer


def test_forget_gate_starts_open() -> None:
    i, f, g, o = np.split(built(LSTM(4)).cell.bias.numpy(), 4)
    np.testing.assert_array_equal(np.ones(4), f)
    np.testing.assert_array_equal(np.zeros((3, 4)), [i, g, o])


@pytest.mark.parametrize(
    "options",
    [
        {"unit_forget_bias": False},
        {"bias_initializer": keras.initializers.Constant(2.0)},
        {"bias_initializer": "Zeros"},
        {"bias_initializer": keras.initializers.Constant(2.0), "unit_forget_bias": False},
    ],
)
def test_the_bias_starts_as_in_keras(options: dict[str, Any]) -> None:
    layer, theirs = built(LSTM(4, **options)), built(keras.layers.LSTM(4, **options))
    np.testing.assert_array_equal(theirs.cell.bias, layer.cell.bias)
    restored = built(LSTM.from_config(layer.get_config()))
    np.testing.assert_array_equal(layer.cell.bias, restored.cell.bias)


def test_chrono_brings_forget_biases_of_its_own() -> None:
    layer = built(LSTM(4, bias_initializer=ChronoLSTM(50, seed=1)))
    np.testing.assert_array_equal(ChronoLSTM(50, seed=1)((16,)), layer.cell.bias)


def test_forget_bias_survives_normalization() -> None:
    layer = built(LSTM(4, normalization="layer"))
    bias = next(weight for weight in layer.weights if weight.name == "input_bias")
    np.testing.assert_array_equal(np.ones(4), np.split(bias, 4)[1])


def test_lstm_with_forget_gate_open_and_input_gate_shut_keeps_its_cell() -> None:
    layer = built(LSTM(1, return_state=True))
    layer.set_weights([np.zeros((3, 4)), np.zeros((1, 4)), np.array([-50.0, 50.0, 3.0, 50.0])])
    hidden, _, cell = layer(ZEROS, initial_state=[tf.zeros((2, 1)), tf.fill((2, 1), 0.7)])
    np.testing.assert_allclose(cell, np.full((2, 1), 0.7), rtol=1e-6)
    np.testing.assert_allclose(hidden, np.tanh(cell), rtol=1e-6)


def test_gru_with_update_gate_open_keeps_its_state() -> None:
    layer = built(GRU(1))
    layer.set_weights([np.zeros((3, 3)), np.zeros((1, 3)), np.array([[50.0, 0.0, 3.0], [0.0, 0.0, 0.0]])])
    np.testing.assert_allclose(layer(ZEROS, initial_state=tf.fill((2, 1), 0.7)), np.full((2, 1), 0.7), rtol=1e-6)


def test_gru_with_reset_gate_shut_forgets_its_state() -> None:
    layer = built(GRU(1))
    layer.set_weights([np.zeros((3, 3)), np.ones((1, 3)), np.array([[-50.0, -50.0, 0.4], [0.0, 0.0, 9.0]])])
    outputs = layer(ZEROS[:, :1], initial_state=tf.fill((2, 1), 0.7))
    np.testing.assert_allclose(outputs, np.full((2, 1), np.tanh(0.4)), rtol=1e-6)


@pytest.mark.parametrize(("layer", "chrono"), [(LSTM, ChronoLSTM), (GRU, ChronoGRU)])
def test_chrono_biases_remember_longer(layer: Any, chrono: Any) -> None:
    """How much of a state is left after 50 steps of silence."""
    left = []
    for options in ({}, {"bias_initializer": chrono(200, seed=1)}):
        network = built(layer(32, recurrent_initializer="zeros", return_state=True, **options))
        states = [tf.zeros((2, 32)) for _ in network.state_size[1:]] + [tf.ones((2, 32))]
        left.append(float(tf.reduce_mean(network(ZEROS, initial_state=states)[-1])))
    assert left[0] < 1e-5
    assert left[1] > 0.1
