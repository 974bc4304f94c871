"""A recurrent layer run step by step, forward and backward, keeping the gradient of every step.

The backward loop is backpropagation through time as it stands in the textbooks, one row of the batch for each loss, so
that one pass gives the gradients of all lags of all rows.

The alphabet: t = time, b = batch, u = units.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from rnnzoo.models.recurrence import States
from rnnzoo.tuning.diagnosis.cell_steps import CellStep, StepGradients, Term

__all__ = ["Recording", "pull_back", "recorded_loop", "row_copies"]


class Recording(NamedTuple):
    """What a layer did and felt in one pass.

    Attributes:
        drives: (t, b, g) what the input added.
        befores: for each state, (t, b, n) its value before each step.
        mask: (t, b, 1), or None.
        d_states: for each state, (t, b, n) the total derivative of each row's loss by the state after each step.
        d_sequence: (t, b, features) that by the layer's inputs.
        terms: what each step adds to the gradient of each weight.
    """

    drives: tf.Tensor
    befores: tuple[tf.Tensor, ...]
    mask: tf.Tensor | None
    d_states: tuple[tf.Tensor, ...]
    d_sequence: tf.Tensor
    terms: dict[str, Term]


def recorded_loop(
    step: CellStep,
    sequence: tf.Tensor,  # (t, b, features)
    initial_states: Sequence[tf.Tensor],  # (b, n)
    mask: tf.Tensor | None,  # (t, b, 1)
    anchor: tf.Tensor,
    record: Callable[[Recording], None],
) -> tuple[tf.Tensor, States]:
    """Hidden states after each step (t, b, u), and the last states.

    Args:
        step: the cell.
        sequence: its inputs.
        initial_states: its states before the first step.
        mask: where False, every state keeps its value.
        anchor: a scalar that a tape watches. Its gradient is 0, and asking for it runs the loop backwards.
        record: takes the recording when the loop has run backwards.
    """
    copies = row_copies(step, sequence.shape[1])

    @tf.custom_gradient
    def run(
        sequence: tf.Tensor, anchor: tf.Tensor, *initial_states: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], Callable[..., list[tf.Tensor]]]:
        with tf.GradientTape(watch_accessed_variables=False) as projecting:
            projecting.watch(sequence)
            drives = step.drive(sequence)
        afters = _forward(step, drives, initial_states, copies, mask)
        befores = tuple(
            tf.concat([initial[tf.newaxis], after[:-1]], axis=0)
            for initial, after in zip(initial_states, afters, strict=True)
        )

        def gradient(d_hidden: tf.Tensor, *d_last: tf.Tensor) -> list[tf.Tensor]:
            d_states, d_initial, gradients = _backward(step, drives, befores, mask, copies, d_hidden, d_last)
            d_sequence = projecting.gradient(drives, sequence, output_gradients=gradients.drive)
            terms = step.terms(sequence, befores[0], gradients)
            record(Recording(drives, befores, mask, d_states, d_sequence, terms))
            return [d_sequence, tf.zeros_like(anchor), *d_initial]

        return (afters[0][..., : step.units], *(after[-1] for after in afters)), gradient

    hidden, *last = run(sequence, anchor, *initial_states)
    return hidden, tuple(last)


def row_copies(step: CellStep, rows: int) -> dict[str, tf.Tensor]:
    """A copy of each small weight for each row, (b, …)."""
    rows = 1 if step.one_row else rows
    return {
        name: tf.tile(weight[tf.newaxis], (rows, *[1] * weight.shape.rank)) for name, weight in step.weights.items()
    }


def _forward(
    step: CellStep,
    drives: tf.Tensor,
    initial_states: Sequence[tf.Tensor],
    copies: Mapping[str, tf.Tensor],
    mask: tf.Tensor | None,
) -> list[tf.Tensor]:
    """Every state after every step, (t, b, n)."""
    time = drives.shape[0]

    def body(now: tf.Tensor, states: States, arrays: Any) -> tuple[Any, ...]:
        new_states, _ = step.advance(drives[now], states, copies)
        states = _masked(mask, now, new_states, states)
        return now + 1, states, tuple(array.write(now, state) for array, state in zip(arrays, states, strict=True))

    arrays = tuple(_array(time, state) for state in initial_states)
    *_, arrays = tf.while_loop(
        lambda now, *_: now < time, body, (tf.constant(0), tuple(initial_states), arrays), maximum_iterations=time
    )
    return [array.stack() for array in arrays]


def _backward(
    step: CellStep,
    drives: tf.Tensor,
    befores: tuple[tf.Tensor, ...],
    mask: tf.Tensor | None,
    copies: Mapping[str, tf.Tensor],
    d_hidden: tf.Tensor,
    d_last: Sequence[tf.Tensor],
) -> tuple[tuple[tf.Tensor, ...], States, StepGradients]:
    """Gradients of all states (t, b, n), of the initial ones (b, n), and of each step's operands."""
    time = drives.shape[0]

    def body(now: tf.Tensor, d_states: States, state_arrays: Any, operand_arrays: Any) -> tuple[Any, ...]:
        # What reads this step's output: the layers above, and of the first state the newest block only.
        output = tf.pad(d_hidden[now], ((0, 0), (0, d_states[0].shape[-1] - step.units)))
        d_states = (d_states[0] + output, *d_states[1:])
        state_arrays = tuple(array.write(now, state) for array, state in zip(state_arrays, d_states, strict=True))
        before = tuple(states[now] for states in befores)
        d_states, d_operands = pull_back(step, mask, now, drives[now], before, copies, d_states)
        operand_arrays = tf.nest.map_structure(
            lambda array, gradient: array.write(now, gradient), operand_arrays, d_operands
        )
        return now - 1, d_states, state_arrays, operand_arrays

    state_arrays = tuple(_array(time, state[0]) for state in befores)
    recurrent = drives[0, :, :0] if step.one_row else drives[0]
    flat = {name: tf.reshape(copy, (copy.shape[0], -1)) for name, copy in copies.items()}
    operand_arrays = (
        _array(time, drives[0]),
        _array(time, recurrent),
        {name: _array(time, flat[name]) for name in flat},
    )
    _, d_initial, state_arrays, operand_arrays = tf.while_loop(
        lambda now, *_: now >= 0,
        body,
        (tf.constant(time - 1), tuple(d_last), state_arrays, operand_arrays),
        maximum_iterations=time,
    )
    d_drive, d_recurrent, d_copies = operand_arrays
    gradients = StepGradients(
        d_drive.stack(), d_recurrent.stack(), {name: array.stack() for name, array in d_copies.items()}
    )
    return tuple(array.stack() for array in state_arrays), d_initial, gradients


def pull_back(
    step: CellStep,
    mask: tf.Tensor | None,
    now: tf.Tensor,
    drive: tf.Tensor,  # (b, g)
    states: States,
    copies: Mapping[str, tf.Tensor],
    d_new_states: States,
) -> tuple[States, tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]]:
    """From the gradients of the states after a step to those of the states before it, and of what else it read."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch((drive, states, copies))
        new_states, recurrent = step.advance(drive, states, copies)
        new_states = _masked(mask, now, new_states, states)
    d_drive, d_states, d_copies, d_recurrent = tape.gradient(
        new_states,
        (drive, states, copies, drive[:, :0] if recurrent is None else recurrent),
        output_gradients=d_new_states,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    flat = {name: tf.reshape(gradient, (gradient.shape[0], -1)) for name, gradient in d_copies.items()}
    return d_states, (d_drive, d_recurrent, flat)


def _masked(mask: tf.Tensor | None, now: tf.Tensor, new_states: States, old_states: States) -> States:
    if mask is None:
        return new_states
    return tuple(tf.where(mask[now], new, old) for new, old in zip(new_states, old_states, strict=True))


def _array(size: int, like: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(like.dtype, size, element_shape=like.shape, clear_after_read=False)
