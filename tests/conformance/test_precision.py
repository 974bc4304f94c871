"""Low precision: multiplied in 16 bits, remembered in 32, and near what 32 bits give."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import MASKS, random_inputs, results_and_gradients
from conformance.networks import BATCH, NETWORKS, Network, names

POLICIES = {"mixed_bfloat16": 0.05, "mixed_float16": 0.01}  # how far whole tensors may be off, relatively


def build_pair(network: Network, policy: str) -> tuple[keras.layers.RNN, keras.layers.RNN]:
    # Weights under which no layer norm divides by almost nothing: that magnifies the rounding up to a hundredfold.
    options: dict[str, Any] = {"weights_seed": 3, "return_sequences": True, "return_state": True}
    low, full = network.build(dtype=policy, **options), network.build(**options)
    if "skip_update" in network.name:
        # Near one half a rounded probability makes the other choice, so let every step be made for sure.
        for layer in (low, full):
            layer.cell.update_bias.assign([9.0])
    return low, full


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(**names(NETWORKS))
def test_near_float32(network: Network, policy: str) -> None:
    low, full = build_pair(network, policy)
    tolerance = POLICIES[policy]
    mask = MASKS["middle"]
    inputs = random_inputs()
    expected, expected_gradients = results_and_gradients(full, inputs, None, full.trainable_variables, mask=mask)
    results, gradients = results_and_gradients(low, inputs, None, low.trainable_variables, mask=mask)
    assert {low.compute_dtype} == {result.dtype.name for result in results}
    assert {"float32"} == {weight.dtype for weight in low.trainable_variables}
    for want, got in zip([*expected, *expected_gradients], [*results, *gradients], strict=True):
        error = np.linalg.norm(tf.cast(got, tf.float32) - want)
        assert error <= tolerance * max(1.0, np.linalg.norm(want))


@pytest.mark.parametrize(**names(NETWORKS))
def test_keras_loop_runs_in_bfloat16(network: Network) -> None:
    low, full = build_pair(network, "mixed_bfloat16")
    outputs = keras.layers.RNN(low.cell, return_sequences=True, dtype="mixed_bfloat16")(random_inputs())
    expected = full(random_inputs())[0]
    assert np.linalg.norm(tf.cast(outputs, tf.float32) - expected) <= 0.05 * np.linalg.norm(expected)


@pytest.mark.parametrize("state_dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize(**names(NETWORKS))
def test_step_runs_in_bfloat16(network: Network, state_dtype: str) -> None:
    """Outside of any layer's call, as serving takes a step; each state comes back in the dtype in which it came."""
    low, full = build_pair(network, "mixed_bfloat16")
    inputs = tf.cast(random_inputs(), tf.bfloat16)
    states = [tf.cast(state, state_dtype) for state in low.get_initial_state(BATCH)]
    expected = full(random_inputs())[0]
    for time in range(3):
        output, states = low.cell.step(inputs[:, time], states)
        difference = np.linalg.norm(tf.cast(output, tf.float32) - expected[:, time])
        assert difference <= 0.05 * np.linalg.norm(expected[:, time])
        assert {state_dtype} == {state.dtype.name for state in states}
