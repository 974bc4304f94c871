"""The two loops over time of a recurrence, forward and backward, for some rows of a batch.

The forward loop does one recurrent product and the cell's pointwise equation per step. The backward loop carries only
the gradients of the states and stores those of the two products, so that every weight's gradient is one large product
over all steps afterwards.

The alphabet: t = time, b = batch, u = units, g = width of the pre-activations, n = width of a further state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

__all__ = ["Advance", "Gradients", "Operands", "States", "Steps", "TimeLoops", "recurrent_product"]

States = tuple[tf.Tensor, ...]
"""What a cell remembers, hidden first."""

Advance = Callable[[tf.Tensor, tf.Tensor, States, dict[str, tf.Tensor], tf.Tensor | None], States]
"""A cell's pointwise equation: projected (b, g), recurrent (b, g), states, weights → new states, hidden first.

The last argument is the mask, (b, 1) or None, for an equation whose rows see each other.
"""


class Operands(NamedTuple):
    """What the loops read.

    Attributes:
        projected: (t, b, g), what the input adds.
        kernels: for each delay, (u, g); their dtype is that of the recurrent products.
        transposed: for each delay, (g, u): the same kernels for the way back. XLA multiplies by a kernel that it has to
            transpose in every step at half the speed.
        history: (depth, b, u), the hidden states before the first step, oldest first.
        others: the initial values of the further states, each (b, n).
        weights: what the equation reads beside them.
        mask: (t, b, 1) or None; where False, every state keeps its value.
        dropout: (b, u) or None; a factor on the hidden state in front of the recurrent product.
    """

    projected: tf.Tensor
    kernels: tuple[tf.Tensor, ...]
    transposed: tuple[tf.Tensor, ...]
    history: tf.Tensor
    others: States
    weights: dict[str, tf.Tensor]
    mask: tf.Tensor | None = None
    dropout: tf.Tensor | None = None


class Steps(NamedTuple):
    """What the forward loop leaves behind.

    Attributes:
        hidden: (depth + t, b, u), the history included.
        others: each (1 + t, b, n), the initial value included.
        recurrent: (t, b, g), the recurrent products.
    """

    hidden: tf.Tensor
    others: States
    recurrent: tf.Tensor


class Gradients(NamedTuple):
    """What the backward loop leaves behind.

    Attributes:
        projected: (t, b, g).
        recurrent: (t, b, g); the same tensor as `projected` where the equation only adds the two.
        hidden: (b, u), what reaches the newest initial hidden state past the recurrent products.
        others: each (b, n), what reaches the initial values.
        weights: summed over steps and rows.
    """

    projected: tf.Tensor
    recurrent: tf.Tensor
    hidden: tf.Tensor
    others: States
    weights: dict[str, tf.Tensor]


@dataclass(frozen=True)
class TimeLoops:
    """The loops of one equation.

    Attributes:
        advance: the pointwise equation.
        delays: how many steps back each kernel looks.
        piece, pieces: which rows of the batch to run: those of this one of so many equal pieces.
    """

    advance: Advance
    delays: tuple[int, ...]
    piece: int = 0
    pieces: int = 1

    @property
    def depth(self) -> int:
        return max(self.delays)

    def rows(self, batch: Any) -> slice:
        """The rows of this piece in a batch of so many, which may be a tensor; the last pieces may have fewer, or none.

        >>> [TimeLoops(lambda *_: (), (1,), piece, 3).rows(20) for piece in range(3)]
        [slice(0, 7, None), slice(7, 14, None), slice(14, 21, None)]
        """
        if self.pieces == 1:
            return slice(None)
        share = -(-batch // self.pieces)
        return slice(self.piece * share, (self.piece + 1) * share)

    def forward(self, operands: Operands) -> Steps:
        operands = self._own_rows(operands)
        steps = _steps(operands.projected)
        history, width = operands.history, operands.projected.shape[-1]
        hidden_array = _array(self.depth + steps, history[0])
        for age in range(self.depth):
            hidden_array = hidden_array.write(age, history[age])
        other_arrays = tuple(_array(1 + steps, other).write(0, other) for other in operands.others)
        recurrent_array = tf.TensorArray(history.dtype, steps, element_shape=(history.shape[1], width))

        # Each step reads the next step's input: XLA would else melt the reading into every use of it, which then runs
        # an element at a time.
        def body(
            time: tf.Tensor, given: Any, states: States, hidden_array: Any, other_arrays: Any, recurrent_array: Any
        ) -> Any:
            hiddens = [
                states[0] if delay == 1 else hidden_array.read(self.depth + time - delay) for delay in self.delays
            ]
            recurrent = recurrent_product(hiddens, operands.kernels, operands.dropout)
            states = self._step(given, recurrent, states, operands.weights)
            return (
                time + 1,
                self._given(operands, tf.minimum(time + 1, steps - 1)),
                states,
                hidden_array.write(self.depth + time, states[0]),
                tuple(array.write(1 + time, state) for array, state in zip(other_arrays, states[1:], strict=True)),
                recurrent_array.write(time, recurrent),
            )

        *_, hidden_array, other_arrays, recurrent_array = tf.while_loop(
            lambda time, *_: time < steps,
            body,
            (
                tf.constant(0),
                self._given(operands, tf.constant(0)),
                (history[-1], *operands.others),
                hidden_array,
                other_arrays,
                recurrent_array,
            ),
            maximum_iterations=steps,
        )
        return Steps(hidden_array.stack(), tuple(array.stack() for array in other_arrays), recurrent_array.stack())

    def backward(self, operands: Operands, kept: Steps, d_hidden_all: tf.Tensor, d_others_all: States) -> Gradients:
        """From the gradients of `Steps.hidden` and `Steps.others`, of all rows, to those of the operands."""
        operands = self._own_rows(operands)
        steps = _steps(operands.projected)
        zeros = tf.zeros_like(kept.recurrent[0])
        # What lies a step ahead is carried; what lies further ahead is read, and past the end it is 0.
        beyond = 0 if self.depth == 1 else self.depth
        d_recurrent_array = _array(steps + beyond, zeros)
        for step in range(beyond):
            d_recurrent_array = d_recurrent_array.write(steps + step, zeros)
        additive, read = self._reads(operands, kept)
        d_projected_arrays = () if additive else (_array(steps, self._at(operands.projected, tf.constant(0))),)

        def body(
            time: tf.Tensor,
            given: Any,
            newest: tf.Tensor,
            d_read: States,
            d_weights: Any,
            d_recurrent: Any,
            d_projected: Any,
        ) -> Any:
            flowing = dict(zip(read, d_read, strict=True))
            d_products = [newest if delay == 1 else d_recurrent.read(time + delay) for delay in self.delays]
            d_hidden = tf.add_n(
                [
                    *([flowing[0]] if 0 in flowing else []),
                    self._at(d_hidden_all, self.depth + time),
                    *(
                        product_gradient(d_product, transposed, operands.dropout)
                        for d_product, transposed in zip(d_products, operands.transposed, strict=True)
                    ),
                ]
            )
            d_others = [self._at(d_all, 1 + time) for d_all in d_others_all]
            d_others = [flowing[state] + d if state in flowing else d for state, d in enumerate(d_others, start=1)]
            states = (kept.hidden[self.depth + time - 1], *(other[time] for other in kept.others))
            inputs, recurrent = given
            d_step = self._step_gradient(inputs, recurrent, states, operands.weights, (d_hidden, *d_others))
            d_input, d_product, d_states, d_step_weights = d_step
            return (
                time - 1,
                self._given_backward(operands, kept, tf.maximum(time - 1, 0)),
                d_product,
                tuple(d_states[state] for state in read),
                tf.nest.map_structure(tf.add, d_weights, d_step_weights),
                d_recurrent.write(time, d_product),
                tuple(array.write(time, d_input) for array in d_projected),
            )

        d_states = [tf.zeros_like(state) for state in (operands.history[-1], *operands.others)]
        *_, d_read, d_weights, d_recurrent_array, d_projected_arrays = tf.while_loop(
            lambda time, *_: time >= 0,
            body,
            (
                tf.convert_to_tensor(steps) - 1,
                self._given_backward(operands, kept, tf.convert_to_tensor(steps) - 1),
                zeros,
                tuple(d_states[state] for state in read),
                tf.nest.map_structure(tf.zeros_like, operands.weights),
                d_recurrent_array,
                d_projected_arrays,
            ),
            maximum_iterations=steps,
        )
        d_recurrent = d_recurrent_array.stack()
        d_recurrent = d_recurrent[:steps] if beyond else d_recurrent
        d_projected = d_recurrent if additive else d_projected_arrays[0].stack()
        for state, d_state in zip(read, d_read, strict=True):
            d_states[state] = d_state
        return Gradients(d_projected, d_recurrent, d_states[0], tuple(d_states[1:]), d_weights)

    def kernel_gradient(self, operands: Operands, kept: Steps, gradients: Gradients, dtype: tf.DType) -> tf.Tensor:
        """One product over all steps and rows for each delay: (t·b, u)ᵀ (t·b, g) → (u, g), one below the other."""
        dropout = self._own_rows(operands).dropout
        steps = _steps(operands.projected)
        d_products = tf.reshape(tf.cast(gradients.recurrent, dtype), (-1, gradients.recurrent.shape[-1]))

        def product(delay: int) -> tf.Tensor:
            seen = kept.hidden[self.depth - delay : self.depth - delay + steps]
            seen = tf.cast(seen if dropout is None else seen * dropout, dtype)
            return tf.matmul(tf.reshape(seen, (-1, seen.shape[-1])), d_products, transpose_a=True)

        return tf.concat([product(delay) for delay in self.delays], axis=0)

    def history_gradient(self, operands: Operands, d_hidden_all: tf.Tensor, gradients: Gradients) -> tf.Tensor:
        """What flows into the hidden states before the first step, (depth, b, u)."""
        newest = tf.pad(gradients.hidden[tf.newaxis], ((self.depth - 1, 0), (0, 0), (0, 0)))
        d_history = d_hidden_all[: self.depth, self.rows(_size(d_hidden_all, axis=1))] + newest
        dropout = self._own_rows(operands).dropout
        for delay, transposed in zip(self.delays, operands.transposed, strict=True):
            reached = tf.minimum(delay, _steps(operands.projected))
            flow = product_gradient(gradients.recurrent[:reached], transposed, dropout)
            d_history += tf.pad(flow, ((self.depth - delay, delay - reached), (0, 0), (0, 0)))
        return d_history

    def _own_rows(self, operands: Operands) -> Operands:
        """The operands of these rows; what has a time axis is cut when it is read, a step at a time."""
        rows = self.rows(_size(operands.history, axis=1))
        return operands._replace(
            history=operands.history[:, rows],
            others=tuple(other[rows] for other in operands.others),
            dropout=None if operands.dropout is None else operands.dropout[rows],
        )

    def _at(self, values: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        # One slice for both axes would compile to the first rows, whatever the piece (TensorFlow 2.21, XLA).
        return values[time][self.rows(_size(values, axis=1))]

    def _given(self, operands: Operands, time: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """What a step is given: its input products and, if there is one, its mask."""
        masked = () if operands.mask is None else (self._at(operands.mask, time),)
        return (self._at(operands.projected, time), *masked)

    def _given_backward(self, operands: Operands, kept: Steps, time: tf.Tensor) -> Any:
        return self._given(operands, time), kept.recurrent[time]

    def _step(
        self, given: tuple[tf.Tensor, ...], recurrent: tf.Tensor, states: States, weights: dict[str, tf.Tensor]
    ) -> States:
        projected, *masked = given
        mask = masked[0] if masked else None
        new_states = self.advance(projected, recurrent, states, weights, mask)
        if mask is None:
            return new_states
        return tuple(tf.where(mask, new, old) for new, old in zip(new_states, states, strict=True))

    def _step_gradient(
        self,
        given: tuple[tf.Tensor, ...],
        recurrent: tf.Tensor,
        states: States,
        weights: dict[str, tf.Tensor],
        upstream: States,
        unconnected: tf.UnconnectedGradients = tf.UnconnectedGradients.ZERO,
    ) -> tuple[Any, ...]:
        """The gradients of projected, recurrent, states and weights of one step."""
        projected, *masked = given
        arguments = (projected, recurrent, states, weights)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(arguments)
            new_states = self._step((projected, *masked), recurrent, states, weights)
        gradients: tuple[Any, ...] = tape.gradient(
            new_states, arguments, output_gradients=upstream, unconnected_gradients=unconnected
        )
        return gradients

    def _reads(self, operands: Operands, kept: Steps) -> tuple[bool, tuple[int, ...]]:
        """Whether the equation reads nothing but the sum of the two products, whose gradients are then one tensor; and
        which of the states it reads: for the others, nothing flows back but through the products.
        """
        states = (kept.hidden[0], *(other[0] for other in kept.others))
        given, recurrent = self._given_backward(operands, kept, tf.constant(0))
        d_projected, d_recurrent, d_states, _ = self._step_gradient(
            given, recurrent, states, operands.weights, states, unconnected=tf.UnconnectedGradients.NONE
        )
        read = tuple(state for state, d_state in enumerate(d_states) if d_state is not None)
        return d_projected is d_recurrent, read


def recurrent_product(
    hiddens: Sequence[tf.Tensor], kernels: Sequence[tf.Tensor], dropout: tf.Tensor | None = None
) -> tf.Tensor:
    """Σ_d hidden_d @ kernel_d, for the hidden states at each delay, (…, b, u) → (…, b, g)."""
    kept = [hidden if dropout is None else hidden * dropout for hidden in hiddens]
    products = [tf.matmul(tf.cast(hidden, kernel.dtype), kernel) for hidden, kernel in zip(kept, kernels, strict=True)]
    return tf.cast(tf.add_n(products), hiddens[0].dtype)


def product_gradient(d_product: tf.Tensor, transposed: tf.Tensor, dropout: tf.Tensor | None) -> tf.Tensor:
    """What a gradient of `hidden @ kernel` is for the hidden state, (…, b, g) → (…, b, u)."""
    d_hidden = tf.cast(tf.matmul(tf.cast(d_product, transposed.dtype), transposed), d_product.dtype)
    return d_hidden if dropout is None else d_hidden * dropout


def _steps(projected: tf.Tensor) -> Any:
    return _size(projected, axis=0)


def _size(values: tf.Tensor, axis: int) -> Any:
    # XLA needs it while it compiles.
    return values.shape[axis] if values.shape[axis] is not None else tf.shape(values)[axis]


def _array(size: Any, like: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(like.dtype, size, element_shape=like.shape, clear_after_read=False)
