"""The contract of cells and layers: arguments, errors, dropout, and what a new cell must say."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import layers
from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.layers.layer import RecurrentLayer

LAYERS = [getattr(layers, name) for name in layers.__all__]
INPUTS = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("units", [0, -3, 2.0, True, "4", None])
def test_units_must_be_a_positive_integer(layer: Callable[..., Any], units: Any) -> None:
    with pytest.raises(ValueError, match=rf"units must be a positive integer, but got units={units!r}\."):
        layer(units)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "group"}, r"normalization must be None or one of .*, but got normalization='group'"),
        ({"dropout": 1.0}, r"dropout must be at least 0 and below 1, but got dropout=1\.0"),
        ({"dropout": None}, r"dropout must be at least 0 and below 1, but got dropout=None"),
        ({"recurrent_dropout": -0.1}, r"recurrent_dropout must be at least 0 and below 1, but got .*=-0\.1"),
        ({"kernel_initializer": "nonsense"}, "nonsense"),
        ({"unroll": True}, "unroll"),
        ({"hidden_size": 3}, "hidden_size"),
    ],
)
def test_errors_name_the_rule_and_what_came(layer: Callable[..., Any], options: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        layer(4, **options)


@pytest.mark.parametrize("layer", LAYERS)
def test_signature_shows_the_arguments(layer: Callable[..., Any]) -> None:
    """What an editor shows: the cell's arguments and the layer's, and each of them is taken."""
    parameters = inspect.signature(layer).parameters
    assert {"units", "use_bias", "kernel_initializer", "recurrent_initializer", "normalization", "dropout"} <= set(
        parameters
    )
    defaults = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert isinstance(layer(4, **defaults), RecurrentLayer)


@pytest.mark.parametrize("layer", LAYERS)
def test_units_may_be_numpys(layer: Callable[..., Any]) -> None:
    assert type(layer(np.int64(4)).get_config()["units"]) is int


@pytest.mark.parametrize("layer", LAYERS)
def test_initial_states_of_another_network_are_refused(layer: Callable[..., Any]) -> None:
    built = layer(4)
    states = built.get_initial_state(2)
    inputs = np.zeros((2, 3, 5), np.float32)
    with pytest.raises(ValueError, match="initial_state must be states of the sizes"):
        built(inputs, initial_state=[*states, states[0]])
    with pytest.raises(ValueError, match="initial_state must be states of the sizes"):
        built(inputs, initial_state=[np.zeros((2, 3), np.float32), *states[1:]])


@pytest.mark.parametrize("layer", LAYERS)
def test_wrong_input_rank_is_refused(layer: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer(4)(np.ones((3, 4), np.float32))


def test_a_cell_must_say_its_equation() -> None:
    cell = RecurrentCell(2)
    cell.build((None, 3))
    with pytest.raises(NotImplementedError, match=r"RecurrentCell must say its equation in advance\(\)"):
        cell.step(tf.zeros((1, 3)), cell.get_initial_state(1))


def test_a_new_cell_is_one_equation() -> None:
    """All that a new network costs: the equation, and its layer's name."""

    class SumCell(RecurrentCell):
        def advance(self, projected: Any, recurrent: Any, states: Any, weights: Any, normalize: Any) -> Any:
            return (projected + recurrent,)

    class Sum(RecurrentLayer):
        cell_class = SumCell

    layer = Sum(
        1, kernel_initializer="ones", recurrent_initializer="ones", use_bias=False, return_sequences=True, name="sum"
    )
    assert [1, 3, 6, 10] == layer(tf.reshape(tf.range(1.0, 5.0), (1, 4, 1))).numpy().ravel().tolist()
    # Keras's loop drives it too.
    loop = keras.layers.RNN(layer.cell, return_sequences=True)
    assert [1, 3, 6, 10] == loop(tf.reshape(tf.range(1.0, 5.0), (1, 4, 1))).numpy().ravel().tolist()


def test_input_dropout_drops_the_same_features_in_every_step() -> None:
    """A cell that hands its input through shows which features are gone."""
    layer = layers.SimpleRNN(
        4, "linear", kernel_initializer="identity", recurrent_initializer="zeros", dropout=0.5, return_sequences=True
    )
    outputs = layer(np.ones((50, 6, 4), np.float32), training=True).numpy()
    np.testing.assert_array_equal(np.broadcast_to(outputs[:, :1], outputs.shape), outputs)
    assert {0.0, 2.0} == set(outputs.ravel().tolist())  # what stays is scaled up, so that the mean stays
    assert 0.35 < (outputs[:, 0] == 0).mean() < 0.65


def test_recurrent_dropout_drops_the_same_units_in_every_step() -> None:
    """A cell that carries its state through doubles what stays at each step, and loses the rest at once."""
    layer = layers.SimpleRNN(
        4, "linear", kernel_initializer="zeros", recurrent_initializer="identity", recurrent_dropout=0.5
    )
    state = np.ones((50, 4), np.float32)
    outputs = layer(np.ones((50, 6, 4), np.float32), initial_state=state, training=True).numpy()
    assert {0.0, 2.0**6} == set(outputs.ravel().tolist())
    assert 0.35 < (outputs == 0).mean() < 0.65


def test_dropout_repeats_with_its_seed() -> None:
    def outputs(seed: int | None) -> np.ndarray:
        return layers.SimpleRNN(4, kernel_initializer="ones", recurrent_initializer="identity", dropout=0.5, seed=seed)(
            INPUTS, training=True
        ).numpy()

    np.testing.assert_array_equal(outputs(1), outputs(1))
    assert np.abs(outputs(1) - outputs(2)).max() > 1e-3


def test_each_training_batch_draws_its_own_dropout() -> None:
    layer = layers.LSTM(4, dropout=0.5, seed=1)
    assert np.abs(layer(INPUTS, training=True) - layer(INPUTS, training=True)).max() > 1e-4


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_use_bias_false_has_no_bias(layer: Callable[..., Any], normalization: str | None) -> None:
    built = layer(4, use_bias=False, normalization=normalization)
    built(INPUTS)
    assert not {"bias", "sum_bias", "input_bias", "recurrent_bias"} & {weight.name for weight in built.weights}


def test_unknown_arguments_are_named_beside_those_of_the_layer() -> None:
    with pytest.raises(ValueError, match=r"LSTM takes .*unit_forget_bias.*units.*, but got hidden_size=4\."):
        layers.LSTM(4, hidden_size=4)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_a_layer_of_keras_becomes_ours_by_its_configuration_and_has_its_attributes(kind: str) -> None:
    theirs = getattr(keras.layers, kind)(4, kernel_regularizer="l2", return_sequences=True, dropout=0.1)
    ours = getattr(layers, kind).from_config(theirs.get_config())
    wanted, got = theirs.get_config(), ours.get_config()
    assert {name: wanted[name] for name in wanted.keys() & got.keys()} == {
        name: got[name] for name in wanted.keys() & got.keys()
    }
    for name in ("activation", "recurrent_activation", "use_bias", "unit_forget_bias", "kernel_regularizer"):
        if hasattr(theirs, name):
            assert _named(getattr(theirs, name)) == _named(getattr(ours, name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relu"}, r"activation of a GRU must be 'tanh', but got activation='relu'\."),
        ({"reset_after": False}, r"reset_after of a GRU must be True, but got reset_after=False\."),
        ({"unroll": True}, r"unroll of a GRU must be False, but got unroll=True\."),
        ({"use_cudnn": True}, r"use_cudnn of a GRU must be 'auto' or False, but got use_cudnn=True\."),
    ],
)
def test_what_only_keras_can_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layers.GRU(4, **options)
    layers.GRU(4, activation=keras.activations.tanh, reset_after=True, unroll=False, use_cudnn=False)


def _named(value: Any) -> Any:
    return getattr(value, "__name__", value) if not hasattr(value, "get_config") else value.get_config()


def test_what_goes_by_position_is_named() -> None:
    with pytest.raises(ValueError, match=r"LSTM takes units by position, but got \(4, 'tanh'\)\."):
        layers.LSTM(4, "tanh")
    with pytest.raises(ValueError, match=r"IRNN takes units and activation by position, but got \(4, 'relu', 1\)\."):
        layers.IRNN(4, "relu", 1)


def test_activity_regularizer_is_an_argument_as_in_keras() -> None:
    assert "activity_regularizer" in inspect.signature(layers.GRU).parameters
    layer = layers.GRU.from_config(layers.GRU(4, activity_regularizer="l2").get_config())
    outputs = layer(INPUTS)
    np.testing.assert_allclose([0.01 * np.sum(outputs**2) / len(INPUTS)], layer.losses, rtol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_normalisers_biases_are_regularized_and_constrained(layer: Callable[..., Any]) -> None:
    built = layer(4, normalization="layer", bias_regularizer="l1", bias_constraint="non_neg")
    built.build((None, None, 4))
    biases = [weight for weight in built.weights if weight.name.endswith("_bias") and weight.name != "update_bias"]
    assert biases
    assert all(weight.regularizer is built.cell.bias_regularizer for weight in biases)
    assert all(weight.constraint is built.cell.bias_constraint for weight in biases)


def test_one_initial_state_serves_all_rows_as_in_keras() -> None:
    ours, theirs = layers.SimpleRNN(4), keras.layers.SimpleRNN(4)
    state = tf.ones((1, 4))
    theirs(INPUTS)
    ours(INPUTS)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(
        ours(INPUTS, initial_state=state), theirs(INPUTS, initial_state=state), rtol=1e-5, atol=1e-6
    )


def test_a_mask_may_have_a_last_axis_of_one_as_in_keras() -> None:
    layer, mask = layers.GRU(4), np.array([[True] * 4 + [False] * 2] * 3)
    np.testing.assert_array_equal(layer(INPUTS, mask=mask), layer(INPUTS, mask=mask[..., np.newaxis]))


def test_stateful_needs_a_fixed_batch_size() -> None:
    with pytest.raises(ValueError, match="batch size must be static"):
        layers.LSTM(4, stateful=True)(keras.Input((None, 3)))


def test_names_may_be_chosen_and_are_unique_otherwise() -> None:
    assert layers.GRU(2, name="mine").name == "mine"
    assert layers.GRU(2).name != layers.GRU(2).name


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_frozen_layer_learns_nothing(layer: Callable[..., Any], normalization: str | None) -> None:
    built = layer(4, trainable=False, normalization=normalization)
    answers = built(INPUTS)
    assert built.trainable_variables == []
    assert built.non_trainable_variables != []
    before = built.cell.get_weights()
    np.testing.assert_allclose(built(INPUTS, training=True), answers, rtol=1e-5)
    for old, new in zip(before, built.cell.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("normalization", ["layer", "batch"])
def test_layers_learn_through_a_frozen_one(layer: Callable[..., Any], normalization: str) -> None:
    frozen = layer(4, normalization=normalization, return_sequences=True)
    model = keras.Sequential([keras.layers.Dense(3), frozen, keras.layers.Dense(1)])
    model(INPUTS)
    frozen.trainable = False
    first = model.layers[0].kernel.numpy()
    model.compile("sgd", loss="mse")
    model.fit(INPUTS, np.ones((*INPUTS.shape[:2], 1)), verbose=0)
    assert np.abs(first - model.layers[0].kernel).max() > 0
