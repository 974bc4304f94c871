"""Every layer against the equation of its paper, written in NumPy: outputs, states and all gradients, in float64."""

from typing import Any

import keras
import numpy as np
import pytest
from conformance import reference
from conformance.measuring import MASKS, random_inputs, results_and_gradients, weighing
from conformance.networks import BATCH, NETWORKS, TIME, UNITS, Network, names


def reference_results(
    step: reference.Step,
    layer: keras.layers.RNN,
    inputs: np.ndarray,
    states: list[np.ndarray],
    mask: np.ndarray | None,
) -> tuple[list[Any], list[Any]]:
    fixed = {
        weight.name: weight.numpy() for weight in layer.non_trainable_variables if weight.name != "seed_generator_state"
    }
    weights = {weight.name: weight.numpy() for weight in layer.trainable_variables}
    operands = [inputs, *states, *weights.values()]

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        inputs, *rest = arrays
        states, values = rest[: len(layer.cell.state_size)], rest[len(layer.cell.state_size) :]
        outputs, last = reference.unroll(
            step, inputs, states, {**fixed, **dict(zip(weights, values, strict=True))}, mask
        )
        return [outputs, *last]

    results = run(operands)
    loss_weights = weighing([result.shape for result in results])
    gradients = reference.gradients(
        lambda arrays: sum((result * weight).sum() for result, weight in zip(run(arrays), loss_weights, strict=True)),
        operands,
    )
    return results, gradients


def assert_equals_reference(network: Network, mask_name: str, training: bool = False) -> None:
    layer = network.build(dtype="float64", return_sequences=True, return_state=True)
    inputs, mask = random_inputs("float64"), MASKS[mask_name]
    states = network.states(layer)
    step = network.training_step if training else network.step
    assert step is not None

    expected, expected_gradients = reference_results(step, layer, inputs, states, mask)
    results, gradients = results_and_gradients(
        layer, inputs, states, layer.trainable_variables, mask=mask, training=training
    )
    assert (BATCH, TIME, UNITS) == results[0].shape
    for want, got in zip(expected, results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
    operand_names = ["inputs", *(f"state {index}" for index in range(len(states)))]
    operand_names += [variable.name for variable in layer.trainable_variables]
    for name, want, got in zip(operand_names, expected_gradients, gradients, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11, err_msg=f"gradient of {name}")


@pytest.mark.parametrize("mask_name", MASKS)
@pytest.mark.parametrize(**names(NETWORKS))
def test_values_and_gradients(network: Network, mask_name: str) -> None:
    assert_equals_reference(network, mask_name)


@pytest.mark.parametrize(**names(tuple(network for network in NETWORKS if network.training_step)))
def test_values_and_gradients_in_training(network: Network) -> None:
    assert_equals_reference(network, "none", training=True)


def test_skip_update_networks_skip_in_these_tests() -> None:
    """Were every step made, or none, the checks above would miss one branch of the equation."""
    for network in NETWORKS:
        if "skip_update" in network.name:
            layer = network.build(dtype="float64", return_sequences=True)
            outputs = layer(random_inputs("float64")).numpy()
            copied = (outputs[:, 1:] == outputs[:, :-1]).all(axis=-1).mean()
            assert 0.1 < copied < 0.9
