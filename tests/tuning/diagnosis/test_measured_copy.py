"""A copy for measuring computes what the model computes, in float64, for any number of rows."""

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from rnnzoo.models import GRU, LSTM, LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning.diagnosis.measured_copy import measured_copy

IDS = np.array([[2, 3, 1, 4]], np.int32)


def sequential() -> keras.Model:
    layers = [keras.layers.Embedding(6, 3), keras.layers.LSTM(4, return_sequences=True), GRU(3), keras.layers.Dense(6)]
    model = keras.Sequential(layers)
    model.build((None, 4))
    return model


def functional() -> keras.Model:
    words = keras.layers.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(6, 3)(words)
    first, *states = keras.layers.LSTM(4, return_sequences=True, return_state=True)(embedded)
    second = LSTM(4, return_sequences=True)(first, initial_state=states)
    return keras.Model(words, keras.layers.Dense(6)(keras.layers.Add()([first, second])))


def stateful() -> keras.Model:
    words = keras.layers.Input(batch_shape=(1, 4), dtype="int32")
    embedded = keras.layers.Embedding(6, 3)(words)
    return keras.Model(words, keras.layers.SimpleRNN(4, stateful=True)(embedded))


def mixed() -> keras.Model:
    words = keras.layers.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(6, 3, dtype="mixed_bfloat16")(words)
    hidden = keras.layers.RNN(keras.layers.GRUCell(4, dtype="mixed_bfloat16"), dtype="mixed_bfloat16")(embedded)
    return keras.Model(words, keras.layers.Lambda(lambda values: 2 * values, output_shape=(4,))(hidden))


class Subclassed(keras.Model):
    """Not registered, and built by its first call alone."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.embedding = keras.layers.Embedding(6, 3)
        self.rnn = keras.layers.GRU(units)

    def call(self, words: Any) -> Any:
        return self.rnn(self.embedding(words))

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units}


def subclassed() -> keras.Model:
    model = Subclassed(4)
    model(IDS)
    return model


def language_model() -> keras.Model:
    vocabulary = Vocabulary.from_lines([["to", "be", "or", "not"]])
    return LanguageModel(vocabulary, NetworkConfig(network="skip_update_lstm", units=4, normalization="batch"))


@pytest.mark.parametrize("make", [sequential, functional, stateful, mixed, subclassed, language_model])
def test_computes_the_same_in_float64(make: Callable[[], keras.Model]) -> None:
    model = make()
    copy = measured_copy(model, IDS)
    tolerance = 0.05 if make is mixed else 1e-5
    np.testing.assert_allclose(copy(IDS), model(IDS), rtol=tolerance, atol=tolerance)
    assert {"float64"} == {weight.dtype for weight in copy.trainable_weights}
    rows = np.repeat(IDS, 3, axis=0)
    np.testing.assert_allclose(copy(rows)[2], copy(IDS)[0], rtol=1e-9, err_msg="it keeps no state, and takes any batch")


def test_the_copy_has_weights_of_its_own() -> None:
    model = sequential()
    model.compile("sgd", "mse")
    copy = measured_copy(model)
    for weight in copy.weights:
        weight.assign(0.0 * weight)
    assert all(np.abs(weight.numpy()).max() > 0 for weight in model.weights if weight.name != "bias")
    assert not copy.compiled


def test_frozen_layers_are_measured_too() -> None:
    model = sequential()
    model.layers[1].trainable = False
    assert len(model.trainable_weights) < len(measured_copy(model).trainable_weights)
    assert not model.layers[1].trainable


def test_the_dice_stand_still() -> None:
    model, state = language_model(), random.getstate()
    measured_copy(model)
    assert state == random.getstate()
