"""Skip-update networks: which steps they make, what these cost, and how the choice learns (Campos et al. 2018)."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.layers import SkipUpdateGRU, SkipUpdateLSTM

LAYERS = [SkipUpdateLSTM, SkipUpdateGRU]
TIME = 12
INPUTS = np.random.default_rng(0).normal(size=(3, TIME, 4)).astype(np.float32)


def built(layer_class: Any, growth: float | None = None, **options: Any) -> Any:
    """A layer whose update probability grows by `growth` each step, whatever it reads."""
    layer = layer_class(5, **options)
    layer.build((None, None, 4))
    if growth is not None:
        layer.cell.update_kernel.assign(np.zeros((5, 1)))
        layer.cell.update_bias.assign([np.log(growth / (1 - growth))])
    return layer


def updated(outputs: tf.Tensor) -> list[bool]:
    """Which steps changed the state, after the first."""
    return (np.abs(np.diff(outputs.numpy(), axis=1)).max(axis=(0, 2)) > 0).tolist()


@pytest.mark.parametrize("layer_class", LAYERS)
@pytest.mark.parametrize(("growth", "every"), [(0.9, 1), (0.3, 2), (0.2, 3), (0.11, 5)])
def test_growth_sets_the_rhythm(layer_class: Any, growth: float, every: int) -> None:
    """An update comes when the sum of the growths has reached one half: after ⌈0.5 / growth⌉ steps."""
    outputs = built(layer_class, growth, return_sequences=True)(INPUTS)
    assert [step % every == 0 for step in range(1, TIME)] == updated(outputs)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_starts_by_making_every_step(layer_class: Any) -> None:
    layer = built(layer_class)
    np.testing.assert_array_equal([1.0], layer.cell.update_bias)
    for initial in layer.cell.initial_states:
        np.testing.assert_array_equal(np.zeros(5), initial)
    layer.cell.update_kernel.assign(np.zeros((5, 1)))  # which drawn at random may keep a small network from a step
    layer(INPUTS, training=True)
    assert float(layer.update_share.result()) == 1.0


@pytest.mark.parametrize("layer_class", LAYERS)
def test_share_and_budget_count_the_updates(layer_class: Any) -> None:
    layer = built(layer_class, 0.3, budget=0.01)
    layer(INPUTS, training=True)
    np.testing.assert_allclose(layer.update_share.result(), 0.5)
    [loss] = layer.losses
    np.testing.assert_allclose(loss, 0.01 * TIME / 2, rtol=1e-6)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_padding_costs_nothing(layer_class: Any) -> None:
    """A masked step is no step: it adds neither to the budget's loss nor to the share."""
    mask = np.zeros((3, TIME), bool)
    mask[:, :6] = True
    plain, padded = built(layer_class, 0.3, budget=0.01), built(layer_class, 0.3, budget=0.01)
    plain(INPUTS[:, :6], training=True)
    padded(INPUTS, mask=mask, training=True)
    np.testing.assert_allclose(padded.losses[0], plain.losses[0], rtol=1e-6)
    np.testing.assert_allclose(padded.update_share.result(), plain.update_share.result())


@pytest.mark.parametrize("layer_class", LAYERS)
def test_budget_is_for_training_and_off_by_default(layer_class: Any) -> None:
    costly, free = built(layer_class, budget=0.01), built(layer_class)
    costly(INPUTS, training=False)
    free(INPUTS, training=True)
    assert [] == costly.losses
    assert [] == free.losses


@pytest.mark.parametrize("layer_class", LAYERS)
def test_budget_pushes_updates_down(layer_class: Any) -> None:
    """Trained on the budget alone, a network makes fewer steps: the gradient passes the rounding."""
    layer = built(layer_class, 0.6, budget=0.1)
    model = keras.Sequential([keras.Input((TIME, 4)), layer])
    model.compile(keras.optimizers.SGD(0.3), lambda targets, outputs: 0.0 * tf.reduce_sum(outputs), jit_compile=False)
    history = model.fit(INPUTS, np.zeros((3, 5), np.float32), epochs=30, verbose=0).history
    assert history["update_share"][0] == 1.0
    assert history["update_share"][-1] <= 0.5


@pytest.mark.parametrize("layer_class", LAYERS)
def test_initial_state_is_learned(layer_class: Any) -> None:
    layer = built(layer_class)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(INPUTS) ** 2)
    initial = [variable.value for variable in layer.cell.initial_states]
    for gradient in tape.gradient(loss, initial):
        assert np.abs(gradient).max() > 0
    for variable in layer.cell.initial_states:
        variable.assign(np.full(5, 0.5))
    for state in layer.get_initial_state(2)[:-1]:
        np.testing.assert_array_equal(np.full((2, 5), 0.5), state)
    np.testing.assert_array_equal(np.ones((2, 1)), layer.get_initial_state(2)[-1])


@pytest.mark.parametrize("layer_class", LAYERS)
def test_initial_state_is_learned_by_a_stateful_layer(layer_class: Any) -> None:
    """From the first batch after a reset, as a plain layer learns it; carried states are numbers."""
    plain, stateful = built(layer_class), layer_class(5, stateful=True)
    stateful.build(INPUTS.shape)
    stateful.set_weights(plain.get_weights())
    norms = []
    for layer in (plain, stateful, stateful):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(INPUTS) ** 2)
        gradients = tape.gradient(loss, [initial.value for initial in layer.cell.initial_states])
        norms.append([float(tf.norm(tf.convert_to_tensor(gradient))) for gradient in gradients])
    assert norms[0] == pytest.approx(norms[1])
    assert min(norms[0]) > 0
    assert [0.0] * len(norms[2]) == norms[2]


@pytest.mark.parametrize("layer_class", LAYERS)
@pytest.mark.parametrize("budget", [-0.1, float("nan"), "0.1"])
def test_budget_must_not_be_negative(layer_class: Any, budget: Any) -> None:
    with pytest.raises(ValueError, match=f"budget must be at least 0 and finite, but got budget={budget!r}"):
        layer_class(4, budget=budget)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_budget_survives_configuration(layer_class: Any) -> None:
    assert layer_class.from_config(layer_class(4, budget=0.25).get_config()).budget == 0.25


@pytest.mark.parametrize("layer_class", LAYERS)
def test_steps_skip_what_the_scan_skips_in_low_precision(layer_class: Any) -> None:
    """The probability adds up over many steps towards its threshold: rounded in each, it would get there at others."""
    layer = layer_class(16, return_sequences=True, dtype="mixed_bfloat16")
    inputs = np.random.default_rng(0).normal(size=(64, 60, 8)).astype(np.float32)
    layer.build(inputs.shape)
    layer.cell.update_bias.assign([-2.0])
    expected = tf.cast(layer(inputs), tf.float32)
    states = layer.cell.get_initial_state(64)
    for time in range(60):
        output, states = layer.cell.step(tf.cast(inputs[:, time], tf.bfloat16), states)
        np.testing.assert_allclose(tf.cast(output, tf.float32), expected[:, time], atol=0.05)
