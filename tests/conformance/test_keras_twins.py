"""Where Keras has the layer: the same weights give the same outputs, states and gradients."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import MASKS, random_inputs, results_and_gradients
from conformance.networks import FEATURES, TWINS, Network, names

VARIATIONS: dict[str, tuple[dict[str, Any], str, bool]] = {  # options, mask, initial states
    "plain": ({}, "none", False),
    "initial state": ({}, "none", True),
    "last output only": ({"return_sequences": False}, "right", True),
    "right mask": ({}, "right", True),
    "left mask": ({}, "left", True),
    "middle mask": ({}, "middle", False),
    "everything masked": ({}, "everything", True),
    "zeros for masked": ({"zero_output_for_mask": True}, "middle", True),
    "last of zeros for masked": ({"zero_output_for_mask": True, "return_sequences": False}, "right", True),
    "backwards": ({"go_backwards": True}, "none", True),
    "backwards with mask": ({"go_backwards": True}, "middle", True),
    "without bias": ({"use_bias": False}, "none", True),
}

RATES = {"kernel": 0.1, "recurrent": 0.2, "bias": 0.3}


@pytest.mark.parametrize("variation", VARIATIONS)
@pytest.mark.parametrize(**names(TWINS))
def test_equals_keras(network: Network, variation: str) -> None:
    options, mask_name, with_states = VARIATIONS[variation]
    options = {"return_sequences": True, "return_state": True, **options}
    layer = network.build(**options)
    twin = network.build_twin(layer, **options)
    states = network.states(layer) if with_states else None
    inputs, mask = random_inputs(), MASKS[mask_name]

    expected, expected_gradients = results_and_gradients(twin, inputs, states, twin.trainable_variables, mask=mask)
    results, gradients = results_and_gradients(layer, inputs, states, layer.trainable_variables, mask=mask)
    for want, got in zip([*expected, *expected_gradients], [*results, *gradients], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(**names(TWINS))
def test_has_the_weights_of_keras(network: Network) -> None:
    """Name for name and shape for shape, and back again: `set_weights` moves in both directions."""
    layer = network.build()
    twin = network.build_twin(layer)
    described = [(weight.name, weight.shape) for weight in layer.trainable_variables]
    assert [(weight.name, weight.shape) for weight in twin.trainable_variables] == described
    copy = network.build(weights_seed=1)
    copy.set_weights(twin.get_weights())
    np.testing.assert_array_equal(layer(random_inputs()), copy(random_inputs()))


@pytest.mark.parametrize("option", ["use_bias", "return_sequences", "return_state", "go_backwards", "stateful"])
@pytest.mark.parametrize(**names(TWINS))
def test_has_the_defaults_of_keras(network: Network, option: str) -> None:
    layer = network.layer(3, **network.options)
    assert network.twin is not None
    assert network.twin(3).get_config()[option] == layer.get_config()[option]


@pytest.mark.parametrize("name", ["simple_rnn_tanh", "lstm", "gru"])
def test_starts_like_keras(name: str) -> None:
    """Default initialisers: an orthogonal recurrent kernel, a bias of zeros with ones for the forget gate."""
    network = next(network for network in TWINS if network.name == name)
    assert network.twin is not None
    layer, twin = network.layer(64), network.twin(64)
    for built in (layer, twin):
        built.build((None, None, 32))
    for ours, theirs in zip(layer.trainable_variables, twin.trainable_variables, strict=True):
        if ours.name == "bias":
            np.testing.assert_array_equal(theirs, ours)
        else:
            singular = np.linalg.svd(ours.numpy(), compute_uv=False)
            expected = np.linalg.svd(theirs.numpy(), compute_uv=False)
            np.testing.assert_allclose(expected.max(), singular.max(), rtol=0.1)
            np.testing.assert_allclose(expected.mean(), singular.mean(), rtol=0.1)


@pytest.mark.parametrize(**names(TWINS))
def test_regularizes_and_constrains_like_keras(network: Network) -> None:
    options = {
        **{f"{name}_regularizer": keras.regularizers.L1(rate) for name, rate in RATES.items()},
        **{f"{name}_constraint": keras.constraints.UnitNorm(axis=-1) for name in RATES},
    }
    layer = network.build(**options)
    twin = network.build_twin(layer, **options)
    np.testing.assert_allclose(twin.losses, layer.losses, rtol=1e-6)
    for copy in (layer, network.layer.from_config(layer.get_config())):
        copy.build((None, None, FEATURES))
        described = [
            [
                (weight.name, weight.regularizer.get_config(), weight.constraint.get_config())
                for weight in one.weights[:3]
            ]
            for one in (twin, copy)
        ]
        assert described[0] == described[1]
    optimizer = keras.optimizers.SGD(0.0)
    optimizer.apply([tf.zeros_like(weight) for weight in layer.trainable_variables], layer.trainable_variables)
    for weight in layer.trainable_variables:
        np.testing.assert_allclose(np.linalg.norm(weight, axis=-1), 1, rtol=1e-5)
