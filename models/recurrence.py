"""One scan for every recurrent cell, with its gradient written by hand.

Keras's loop multiplies the input by its kernel in every step and accumulates the gradient of every weight in every
step. Here the input products come in finished, the loops (`time_loops.py`) do only what one step needs of the last,
and the gradient of `recurrent_kernel` is one large matrix product over all steps at once.

On a CPU the loops of a batch run in pieces, some rows each, compiled with XLA: XLA melts the many small operations of
an equation into few, but uses one core; the pieces use them all. The large products stay outside, where TensorFlow's
own use all cores, too, and are fast in bfloat16.

The alphabet: t = time, b = batch, u = units, g = width of the pre-activations, n = width of a further state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from rnnzoo.models.time_loops import Advance, Gradients, Operands, States, Steps, TimeLoops

__all__ = ["Advance", "States", "Trajectory", "scan"]


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
        # The gradient of `hidden[depth:]` takes four times as long as that of a split.
        return tf.split(self.hidden, [self.depth, -1])[1]

    @property
    def history(self) -> tf.Tensor:
        """The hidden states that the next step would read, oldest first, (depth, b, u)."""
        return tf.split(self.hidden, [-1, self.depth])[1]


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
    compiled_pieces: int = 0,
) -> Trajectory:
    """Run `states[t] = advance(projected[t], Σ_d hidden[t-d] @ recurrent_kernel_d, states[t-1], weights, mask[t])`.

    Args:
        advance: the pointwise equation. It must be differentiable by a tape and depend on nothing but its arguments:
            whatever else it reads is no part of the gradient, and a variable is refused where one is taken.
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
        compiled_pieces: into how many pieces of rows the loops are cut, each compiled with XLA; 0 runs them uncut and
            uncompiled. More than one asks for an equation that treats each row alone. The number of steps must be
            known, and for each number of rows they compile anew.

    Example:
        A running sum is a recurrence with an identity kernel:

        >>> add = lambda projected, recurrent, *rest: (projected + recurrent,)
        >>> steps = tf.reshape(tf.range(1.0, 5.0), (4, 1, 1))
        >>> scan(add, steps, tf.eye(1), tf.zeros((1, 1, 1))).outputs[:, 0, 0].numpy().tolist()
        [1.0, 3.0, 6.0, 10.0]
    """
    # In a smaller dtype, XLA would convert it an element at a time.
    projected = tf.cast(projected, history.dtype)
    arguments = (projected, recurrent_kernel, history, tuple(others), weights or {})
    flat = tuple(tf.convert_to_tensor(argument) for argument in tf.nest.flatten(arguments))

    @tf.custom_gradient
    def run(*flat: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable[..., list[tf.Tensor]]]:
        projected, recurrent_kernel, history, others, weights = tf.nest.pack_sequence_as(arguments, flat)
        # XLA has no quick bfloat16 products on a CPU; it multiplies the rounded kernels in float32.
        loop_kernel = tf.cast(recurrent_kernel, history.dtype) if compiled_pieces else recurrent_kernel
        kernels = tuple(tf.split(loop_kernel, len(delays), axis=0))
        transposed = tuple(tf.transpose(kernel) for kernel in kernels)
        operands = Operands(projected, kernels, transposed, history, others, weights, mask, dropout)
        count = max(compiled_pieces, 1)
        pieces = [TimeLoops(advance, delays, piece, count) for piece in range(count)]
        call = _compiled if compiled_pieces else _called
        kept: list[Steps] = [call(piece.forward, operands) for piece in pieces]

        def gradient(*upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()) -> list[tf.Tensor]:
            _refuse(variables)
            d_hidden, *d_others = upstream
            gradients: list[Gradients] = [
                call(piece.backward, operands, steps, d_hidden, tuple(d_others))
                for piece, steps in zip(pieces, kept, strict=True)
            ]
            together = list(zip(pieces, kept, gradients, strict=True))
            d_projected = _joined([piece.projected for piece in gradients], axis=1)
            d_kernel = tf.add_n(
                [
                    piece.kernel_gradient(operands, steps, result, recurrent_kernel.dtype)
                    for piece, steps, result in together
                ]
            )
            d_history = _joined(
                [piece.history_gradient(operands, d_hidden, result) for piece, _, result in together], axis=1
            )
            d_initial = [_joined(parts, axis=0) for parts in zip(*(piece.others for piece in gradients), strict=True)]
            d_initial = [d_here + d_all[0] for d_here, d_all in zip(d_initial, d_others, strict=True)]
            d_weights = tf.nest.map_structure(lambda *parts: tf.add_n(parts), *(piece.weights for piece in gradients))
            return tf.nest.flatten((d_projected, d_kernel, d_history, d_initial, d_weights))

        states = zip(*((steps.hidden, *steps.others) for steps in kept), strict=True)
        return tuple(_joined(parts, axis=1) for parts in states), gradient

    hidden, *rest = run(*flat)
    return Trajectory(hidden, tuple(rest), max(delays))


def _called(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def _compiled(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `function` as an XLA program of its own.

    A gradient of it, which is a second derivative of the scan, is taken without XLA: TensorFlow cannot hand the arrays
    of a loop from one program to another.
    """
    program = tf.function(function, jit_compile=True, autograph=False)
    present = [argument is not None for argument in tf.nest.flatten(arguments)]
    structures = []

    def unflattened(tensors: Sequence[tf.Tensor]) -> Any:
        remaining = iter(tensors)
        return tf.nest.pack_sequence_as(arguments, [next(remaining) if here else None for here in present])

    @tf.custom_gradient
    def run(*tensors: tf.Tensor) -> tuple[list[tf.Tensor], Callable[..., Any]]:
        result = program(*unflattened([tf.stop_gradient(tensor) for tensor in tensors]))
        structures.append(result)

        def gradient(*upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()) -> list[tf.Tensor | None]:
            _refuse(variables)
            watched = [tensor for tensor in tensors if tensor.dtype.is_floating]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(watched)
                results = tf.nest.flatten(function(*unflattened(tensors)))
            gradients = iter(tape.gradient(results, watched, upstream))
            return [next(gradients) if tensor.dtype.is_floating else None for tensor in tensors]

        return tf.nest.flatten(result), gradient

    tensors = run(*(argument for argument in tf.nest.flatten(arguments) if argument is not None))
    return tf.nest.pack_sequence_as(structures[-1], tensors)


def _refuse(variables: Sequence[tf.Variable]) -> None:
    if variables:
        names = ", ".join(sorted(variable.name for variable in variables))
        raise ValueError(f"an equation must read its weights through `weights`, but it reads {names} by itself.")


def _joined(parts: Sequence[tf.Tensor], axis: int) -> tf.Tensor:
    return parts[0] if len(parts) == 1 else tf.concat(parts, axis=axis)
