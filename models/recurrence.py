"""One scan for every recurrent cell, with its gradient written by hand.

Keras's loop multiplies the input by its kernel in every step and accumulates the gradient of every weight in every
step. Here the input products come in finished, the forward loop does one recurrent product and the cell's pointwise
equation per step, and the backward loop carries only the gradients of the states and stores the gradient of the
pre-activations: the gradient of `recurrent_kernel` is then one large matrix product over all steps at once.

The alphabet: t = time, b = batch, u = units, g = width of the pre-activations, n = width of a further state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

__all__ = ["Advance", "States", "Trajectory", "scan"]

States = tuple[tf.Tensor, ...]
"""What a cell remembers, hidden first."""

Advance = Callable[[tf.Tensor, tf.Tensor, States, dict[str, tf.Tensor]], States]
"""A cell's pointwise equation: projected (b, g), recurrent (b, g), states, weights → new states, hidden first."""


@dataclass(frozen=True)
class Trajectory:
    """Every state at every step, the initial ones included.

    Attributes:
        hidden: (depth + t, b, u), where the first `depth = max(delays)` entries are the initial history, oldest first.
        others: for each further state, (1 + t, b, n).
        depth: how many steps back the recurrence reads.
    """

    hidden: tf.Tensor
    others: tuple[tf.Tensor, ...]
    depth: int

    @property
    def outputs(self) -> tf.Tensor:
        """The hidden state after each step, (t, b, u)."""
        return self.hidden[self.depth :]


def scan(
    advance: Advance,
    projected: tf.Tensor,  # (t, b, g)
    recurrent_kernel: tf.Tensor,  # (delays · u, g)
    history: tf.Tensor,  # (depth, b, u), oldest first
    others: Sequence[tf.Tensor] = (),  # each (b, n)
    weights: dict[str, tf.Tensor] | None = None,
    *,
    delays: tuple[int, ...] = (1,),
    mask: tf.Tensor | None = None,  # (t, b, 1)
    dropout: tf.Tensor | None = None,  # (b, u)
) -> Trajectory:
    """Run `states[t] = advance(projected[t], Σ_d hidden[t-d] @ recurrent_kernel_d, states[t-1], weights)`.

    Args:
        advance: the pointwise equation. It must be differentiable by a tape and depend on nothing but its arguments.
        projected: what the input adds, for all steps.
        recurrent_kernel: one block of `u` rows for each delay, in the order of `delays`. Its dtype is that of the
            recurrent products: a bfloat16 kernel gives bfloat16 products on states that stay float32.
        history: the hidden states before the first step.
        others: the initial values of the further states.
        weights: small weights that the equation reads (gains, biases).
        delays: how many steps back each block of the kernel looks: `(1,)` for the classical recurrence, `(1, s)` for a
            skip connection through time, `(s,)` for a dilated one.
        mask: where False, every state keeps its value.
        dropout: a factor on the hidden state in front of the recurrent product, the same in every step.

    Example:
        A running sum is a recurrence with an identity kernel:

        >>> add = lambda projected, recurrent, states, weights: (projected + recurrent,)
        >>> steps = tf.reshape(tf.range(1.0, 5.0), (4, 1, 1))
        >>> scan(add, steps, tf.eye(1), tf.zeros((1, 1, 1))).outputs[:, 0, 0].numpy().tolist()
        [1.0, 3.0, 6.0, 10.0]
    """
    depth = max(delays)
    arguments = (projected, recurrent_kernel, history, tuple(others), weights or {})

    @tf.custom_gradient
    def run(*flat: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable[..., list[tf.Tensor]]]:
        recurrence = _Recurrence(advance, delays, mask, dropout, *tf.nest.pack_sequence_as(arguments, flat))
        trajectories = recurrence.forward()

        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
            return tf.nest.flatten(recurrence.backward(trajectories, upstream))

        return tuple(trajectories), gradient

    hidden, *rest = run(*(tf.convert_to_tensor(argument) for argument in tf.nest.flatten(arguments)))
    return Trajectory(hidden, tuple(rest), depth)


class _Recurrence:
    """The two loops over time, forward and backward, of one call of `scan`."""

    def __init__(
        self,
        advance: Advance,
        delays: tuple[int, ...],
        mask: tf.Tensor | None,
        dropout: tf.Tensor | None,
        projected: tf.Tensor,
        recurrent_kernel: tf.Tensor,
        history: tf.Tensor,
        others: tuple[tf.Tensor, ...],
        weights: dict[str, tf.Tensor],
    ) -> None:
        self.advance, self.delays, self.mask, self.dropout = advance, delays, mask, dropout
        self.projected, self.history, self.others, self.weights = projected, history, others, weights
        self.kernels = tf.split(recurrent_kernel, len(delays), axis=0)
        self.depth = max(delays)
        # XLA needs the number of steps while it compiles.
        self.time = projected.shape[0] if projected.shape[0] is not None else tf.shape(projected)[0]

    def recurrent_product(self, hiddens: Sequence[tf.Tensor]) -> tf.Tensor:
        """Σ_d hidden_d @ kernel_d, for the hidden states at each delay, (…, b, u) → (…, b, g)."""
        return tf.add_n([self.multiply(hidden, kernel) for hidden, kernel in zip(hiddens, self.kernels, strict=True)])

    def multiply(self, hidden: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        hidden = hidden if self.dropout is None else hidden * self.dropout
        return tf.cast(tf.matmul(tf.cast(hidden, kernel.dtype), kernel), hidden.dtype)

    def multiply_transposed(self, gradient: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        product = tf.cast(tf.matmul(tf.cast(gradient, kernel.dtype), kernel, transpose_b=True), gradient.dtype)
        return product if self.dropout is None else product * self.dropout

    def step(
        self,
        mask: tf.Tensor | None,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: dict[str, tf.Tensor],
    ) -> States:
        new_states = self.advance(tf.cast(projected, recurrent.dtype), recurrent, states, weights)
        if mask is None:
            return new_states
        return tuple(tf.where(mask, new, old) for new, old in zip(new_states, states, strict=True))

    def mask_at(self, time: tf.Tensor) -> tf.Tensor | None:
        return None if self.mask is None else self.mask[time]

    def array(self, size: Any, like: tf.Tensor) -> tf.TensorArray:
        return tf.TensorArray(like.dtype, size, element_shape=like.shape, clear_after_read=False)

    def forward(self) -> list[tf.Tensor]:
        hidden_array = self.array(self.depth + self.time, self.history[0])
        for age in range(self.depth):
            hidden_array = hidden_array.write(age, self.history[age])
        other_arrays = tuple(self.array(1 + self.time, other).write(0, other) for other in self.others)

        def body(time: tf.Tensor, hidden_array: tf.TensorArray, other_arrays: Any, states: Any) -> tuple[Any, ...]:
            hiddens = [
                states[0] if delay == 1 else hidden_array.read(self.depth + time - delay) for delay in self.delays
            ]
            recurrent = self.recurrent_product(hiddens)
            states = self.step(self.mask_at(time), self.projected[time], recurrent, states, self.weights)
            hidden_array = hidden_array.write(self.depth + time, states[0])
            other_arrays = tuple(
                array.write(1 + time, state) for array, state in zip(other_arrays, states[1:], strict=True)
            )
            return time + 1, hidden_array, other_arrays, states

        _, hidden_array, other_arrays, _ = tf.while_loop(
            lambda time, *_: time < self.time,
            body,
            (tf.constant(0), hidden_array, other_arrays, (self.history[-1], *self.others)),
            maximum_iterations=self.time,
        )
        return [hidden_array.stack(), *(array.stack() for array in other_arrays)]

    def backward(self, trajectories: Sequence[tf.Tensor], upstream: Sequence[tf.Tensor]) -> tuple[Any, ...]:
        """Gradients of `projected`, `recurrent_kernel`, `history`, `others` and `weights`, in this order."""
        hidden, *others = trajectories
        d_hidden_all, *d_others_all = upstream
        # What each delay saw at every step, (t, b, u), and its products, which are cheaper to redo than to keep.
        seen = [hidden[self.depth - delay : self.depth - delay + self.time] for delay in self.delays]
        recurrent = self.recurrent_product(seen)

        zeros = tf.zeros_like(recurrent[0])
        d_recurrent_array = self.array(self.time + self.depth, zeros)
        for beyond in range(self.depth):
            d_recurrent_array = d_recurrent_array.write(self.time + beyond, zeros)
        d_projected_array = self.array(self.time, self.projected[0])

        def body(time: tf.Tensor, d_states: Any, d_weights: Any, d_recurrent: Any, d_projected: Any) -> tuple[Any, ...]:
            d_hidden = tf.add_n(
                [
                    d_states[0],
                    d_hidden_all[self.depth + time],
                    *(
                        self.multiply_transposed(d_recurrent.read(time + delay), kernel)
                        for delay, kernel in zip(self.delays, self.kernels, strict=True)
                    ),
                ]
            )
            d_others = (d + d_all[1 + time] for d, d_all in zip(d_states[1:], d_others_all, strict=True))
            states = (hidden[self.depth + time - 1], *(other[time] for other in others))
            operands = (self.projected[time], recurrent[time], states, self.weights)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(operands)
                new_states = self.step(self.mask_at(time), *operands)
            d_input, d_product, d_states, d_step_weights = tape.gradient(
                new_states,
                operands,
                output_gradients=(d_hidden, *d_others),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            return (
                time - 1,
                d_states,
                tf.nest.map_structure(tf.add, d_weights, d_step_weights),
                d_recurrent.write(time, d_product),
                d_projected.write(time, d_input),
            )

        _, d_states, d_weights, d_recurrent_array, d_projected_array = tf.while_loop(
            lambda time, *_: time >= 0,
            body,
            (
                tf.convert_to_tensor(self.time) - 1,
                tuple(tf.zeros_like(state) for state in (self.history[-1], *self.others)),
                tf.nest.map_structure(tf.zeros_like, self.weights),
                d_recurrent_array,
                d_projected_array,
            ),
            maximum_iterations=self.time,
        )
        d_recurrent = d_recurrent_array.stack()[: self.time]
        d_kernel = tf.concat([self.kernel_gradient(hiddens, d_recurrent) for hiddens in seen], axis=0)
        d_history = self.history_gradient(d_hidden_all, d_states[0], d_recurrent)
        d_others = tuple(d + d_all[0] for d, d_all in zip(d_states[1:], d_others_all, strict=True))
        return d_projected_array.stack(), d_kernel, d_history, d_others, d_weights

    def kernel_gradient(self, hiddens: tf.Tensor, d_recurrent: tf.Tensor) -> tf.Tensor:
        """One product over all steps and rows: (t·b, u)ᵀ (t·b, g) → (u, g)."""
        dtype = self.kernels[0].dtype
        hiddens = hiddens if self.dropout is None else hiddens * self.dropout
        rows = tf.reshape(tf.cast(hiddens, dtype), (-1, hiddens.shape[-1]))
        return tf.matmul(rows, tf.reshape(tf.cast(d_recurrent, dtype), (-1, d_recurrent.shape[-1])), transpose_a=True)

    def history_gradient(self, d_hidden_all: tf.Tensor, d_last: tf.Tensor, d_recurrent: tf.Tensor) -> tf.Tensor:
        """What flows into the hidden states before the first step, (depth, b, u)."""
        newest = tf.pad(d_last[tf.newaxis], ((self.depth - 1, 0), (0, 0), (0, 0)))
        d_history = d_hidden_all[: self.depth] + newest
        for delay, kernel in zip(self.delays, self.kernels, strict=True):
            reached = tf.minimum(delay, self.time)
            flow = self.multiply_transposed(d_recurrent[:reached], kernel)
            d_history += tf.pad(flow, ((self.depth - delay, delay - reached), (0, 0), (0, 0)))
        return d_history
