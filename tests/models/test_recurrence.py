"""The scan against the same recurrence written as a plain loop, which the tape differentiates step by step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.models.recurrence import Trajectory, scan

TIME, BATCH, UNITS = 5, 3, 2


def additive(
    projected: tf.Tensor, recurrent: tf.Tensor, states: Any, weights: dict[str, tf.Tensor], mask: Any = None
) -> Any:
    return (tf.tanh(weights["gain"] * projected + recurrent),)


def gated(
    projected: tf.Tensor, recurrent: tf.Tensor, states: Any, weights: dict[str, tf.Tensor], mask: Any = None
) -> Any:
    """Reads everything an equation may read: two states, of different widths, and a weight."""
    hidden, memory = states
    memory = 0.5 * memory + tf.reduce_sum(weights["gain"] * hidden, axis=1, keepdims=True)
    return tf.tanh(projected + tf.sigmoid(memory) * recurrent), memory


@dataclass(frozen=True)
class Case:
    advance: Callable[..., Any] = additive
    delays: tuple[int, ...] = (1,)
    time: int = TIME
    masked: bool = False
    dropout: bool = False
    seed: int = 0

    def operands(self) -> dict[str, Any]:
        random = np.random.default_rng(self.seed)

        def draw(*shape: int) -> tf.Tensor:
            return tf.constant(random.normal(size=shape))

        return {
            "projected": draw(self.time, BATCH, UNITS),
            "recurrent_kernel": draw(UNITS * len(self.delays), UNITS),
            "history": draw(max(self.delays), BATCH, UNITS),
            "others": (draw(BATCH, 1),) if self.advance is gated else (),
            "weights": {"gain": draw(UNITS)},
        }

    def options(self) -> dict[str, Any]:
        random = np.random.default_rng(self.seed + 1)
        return {
            "delays": self.delays,
            "mask": tf.constant(random.random((self.time, BATCH, 1)) < 0.6) if self.masked else None,
            "dropout": tf.constant(2.0 * (random.random((BATCH, UNITS)) < 0.5)) if self.dropout else None,
        }


def plain_loop(
    advance: Callable[..., Any],
    projected: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    history: tf.Tensor,
    others: tuple[tf.Tensor, ...],
    weights: dict[str, tf.Tensor],
    *,
    delays: tuple[int, ...],
    mask: tf.Tensor | None,
    dropout: tf.Tensor | None,
) -> Trajectory:
    hiddens = list(tf.unstack(history))
    trajectories = [[other] for other in others]
    kernels = tf.split(recurrent_kernel, len(delays))
    for time in range(projected.shape[0]):
        factor = 1.0 if dropout is None else dropout
        seen = [hiddens[-delay] * factor for delay in delays]
        recurrent = sum(hidden @ kernel for hidden, kernel in zip(seen, kernels, strict=True))
        old = (hiddens[-1], *(trajectory[-1] for trajectory in trajectories))
        new = advance(projected[time], recurrent, old, weights)
        if mask is not None:
            new = [tf.where(mask[time], after, before) for after, before in zip(new, old, strict=True)]
        hiddens.append(new[0])
        for trajectory, state in zip(trajectories, new[1:], strict=True):
            trajectory.append(state)
    return Trajectory(tf.stack(hiddens), tuple(tf.stack(trajectory) for trajectory in trajectories), max(delays))


def values_and_gradients(run: Callable[..., Trajectory], case: Case) -> tuple[list[Any], list[Any]]:
    """All trajectories, and the gradient of a random weighing of them for every operand."""
    operands = case.operands()
    random = np.random.default_rng(case.seed + 2)
    with tf.GradientTape() as tape:
        tape.watch(tf.nest.flatten(operands))
        trajectory = run(case.advance, **operands, **case.options())
        values = [trajectory.hidden, *trajectory.others]
        loss = tf.add_n([tf.reduce_sum(value * random.normal(size=value.shape)) for value in values])
    gradients = tape.gradient(loss, operands, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return values, tf.nest.flatten(gradients)


def assert_equals_plain_loop(case: Case, run: Callable[..., Trajectory] = scan) -> None:
    expected, expected_gradients = values_and_gradients(plain_loop, case)
    values, gradients = values_and_gradients(run, case)
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12), expected, values)
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11), expected_gradients, gradients
    )


@pytest.mark.parametrize("advance", [additive, gated])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dropout", [False, True])
def test_equals_plain_loop(advance: Callable[..., Any], masked: bool, dropout: bool) -> None:
    assert_equals_plain_loop(Case(advance=advance, masked=masked, dropout=dropout))


@settings(max_examples=15)
@given(
    delays=st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(tuple),
    time=st.integers(1, 6),
    masked=st.booleans(),
    dropout=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_equals_plain_loop_for_any_delays(
    delays: tuple[int, ...], time: int, masked: bool, dropout: bool, seed: int
) -> None:
    """Sequences shorter than the longest delay included: part of the history then outlives the scan."""
    assert_equals_plain_loop(Case(advance=gated, delays=delays, time=time, masked=masked, dropout=dropout, seed=seed))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_equals_plain_loop(jit_compile: bool) -> None:
    case = Case(advance=gated, delays=(1, 3), masked=True, dropout=True)
    expected = tf.nest.flatten(values_and_gradients(plain_loop, case))
    compiled = tf.function(lambda: tf.nest.flatten(values_and_gradients(scan, case)), jit_compile=jit_compile)()
    for want, got in zip(expected, compiled, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("advance", [additive, gated])
@pytest.mark.parametrize("pieces", [1, 2, BATCH])
def test_pieces_equal_plain_loop(advance: Callable[..., Any], pieces: int) -> None:
    case = Case(advance=advance, delays=(1, 3), masked=True, dropout=True)
    run = partial(scan, compiled_pieces=pieces)
    expected = tf.nest.flatten(values_and_gradients(plain_loop, case))
    in_pieces = tf.function(lambda: tf.nest.flatten(values_and_gradients(run, case)), autograph=False)()
    for want, got in zip(expected, in_pieces, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("pieces", [0, 2])
def test_second_derivatives_equal_plain_loop(pieces: int) -> None:
    """The hand-written gradient is itself differentiable: a gradient's norm may be a loss."""
    case = Case(advance=gated, delays=(1, 3), masked=True)
    operands = case.operands()
    seconds = []
    for run in (plain_loop, partial(scan, compiled_pieces=pieces)):
        with tf.GradientTape() as outer:
            outer.watch(operands["projected"])
            with tf.GradientTape() as inner:
                inner.watch(operands["projected"])
                loss = tf.reduce_sum(run(case.advance, **operands, **case.options()).hidden ** 2)
            norm = tf.reduce_sum(inner.gradient(loss, operands["projected"]) ** 2)
        seconds.append(outer.gradient(norm, operands["projected"]))
    np.testing.assert_allclose(seconds[1], seconds[0], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("pieces", [0, 2])
def test_a_weight_that_bypasses_the_arguments_is_refused(pieces: int) -> None:
    gain, steps = tf.Variable(2.0, name="gain"), tf.ones((3, 4, 1))

    @tf.function
    def gradient() -> tf.Tensor:
        def advance(projected: tf.Tensor, recurrent: tf.Tensor, *rest: Any) -> tuple[tf.Tensor]:
            return (gain * (projected + recurrent),)

        with tf.GradientTape() as tape:
            tape.watch(steps)
            hidden = scan(advance, steps, tf.eye(1), tf.zeros((1, 4, 1)), compiled_pieces=pieces).hidden
        return tape.gradient(hidden, steps)

    with pytest.raises(ValueError, match="must read its weights through `weights`, but it reads gain:0 by itself"):
        gradient()


def test_unknown_number_of_steps() -> None:
    case = Case(advance=gated, delays=(1, 3))
    operands = case.operands()
    traced_lengths = []

    @tf.function(input_signature=[tf.TensorSpec((None, BATCH, UNITS), tf.float64)])
    def gradient(projected: tf.Tensor) -> tf.Tensor:
        traced_lengths.append(projected.shape[0])
        with tf.GradientTape() as tape:
            tape.watch(projected)
            trajectory = scan(case.advance, **{**operands, "projected": projected}, delays=case.delays)
            loss = tf.reduce_sum(trajectory.hidden**2)
        return tape.gradient(loss, projected)

    for time in (2, TIME):
        projected = operands["projected"][:time]
        with tf.GradientTape() as tape:
            tape.watch(projected)
            trajectory = plain_loop(
                case.advance, **{**operands, "projected": projected}, **{**case.options(), "delays": case.delays}
            )
            loss = tf.reduce_sum(trajectory.hidden**2)
        np.testing.assert_allclose(gradient(projected), tape.gradient(loss, projected), rtol=1e-11)
    assert traced_lengths == [None]


def test_outputs_follow_the_history() -> None:
    operands = Case(delays=(3,)).operands()
    trajectory = scan(additive, **operands, delays=(3,))
    assert trajectory.hidden.shape == (3 + TIME, BATCH, UNITS)
    assert trajectory.outputs.shape == (TIME, BATCH, UNITS)
    np.testing.assert_array_equal(operands["history"], trajectory.hidden[:3])
    np.testing.assert_array_equal(trajectory.hidden[3:], trajectory.outputs)


@pytest.mark.parametrize("pieces", [0, 2])
def test_bfloat16_kernel_keeps_float32_states(pieces: int) -> None:
    operands = tf.nest.map_structure(lambda value: tf.cast(value, tf.float32), Case().operands())
    reference = scan(additive, **operands).outputs
    kernel = tf.cast(operands["recurrent_kernel"], tf.bfloat16)
    rounded = scan(additive, **{**operands, "recurrent_kernel": kernel}, compiled_pieces=pieces)
    assert tf.float32 == rounded.outputs.dtype
    difference = np.abs(reference - rounded.outputs).max()
    assert 0 < difference < 0.05  # bfloat16 keeps 8 bits: visibly rounded, not visibly wrong
