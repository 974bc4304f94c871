"""Edges that skip time: gradients travel `skip` steps at once."""

from typing import Any

import keras

from rnnzoo.models.arguments import is_integer, truth
from rnnzoo.models.layers.layer import RecurrentLayer
from rnnzoo.models.layers.simple import SimpleRNNCell

__all__ = ["SkipRNN", "SkipRNNCell"]


@keras.saving.register_keras_serializable("rnnzoo")
class SkipRNNCell(SimpleRNNCell):
    """`h[t] = φ(inputs @ kernel + h[t-1] @ U + h[t-skip] @ V + bias)`; dilated: without the `h[t-1]` term.

    Weights: kernel (features, units), recurrent_kernel (2 · units, units) = U stacked over V, or (units, units) = V
    when dilated, bias (units,). The state is the last `skip` hidden states, newest first: (batch, skip · units).
    """

    def __init__(
        self, units: int, activation: Any = "tanh", *, skip: int = 4, dilated: bool = False, **options: Any
    ) -> None:
        super().__init__(units, activation, **options)
        dilated = truth("dilated", dilated)
        if not is_integer(skip) or skip < 1 or (skip == 1 and not dilated):
            raise ValueError(f"skip must be an integer of at least 2 (1 if dilated), but got {skip=}, {dilated=}.")
        self.skip = int(skip)
        self.dilated = dilated

    @property
    def delays(self) -> tuple[int, ...]:
        return (self.skip,) if self.dilated else (1, self.skip)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "skip": self.skip, "dilated": self.dilated}


@keras.saving.register_keras_serializable("rnnzoo")
class SkipRNN(RecurrentLayer):
    """A plain recurrent network with a second edge, from `skip` steps back.

    Through the second edge a gradient crosses `k` steps in `k / skip` products instead of `k`. Sources: Zhang et al.
    2016, "Architectural complexity measures of recurrent neural networks" (the recurrent skip coefficient); dilated:
    Chang et al. 2017, "Dilated recurrent neural networks" (there `skip` doubles from layer to layer).

    Args:
        units: the size of the hidden state.
        activation: as in `SimpleRNN`; "tanh".
        skip: how many steps the second edge skips; 4.
        dilated: drop the edge from one step back; False.
        recurrent_initializer: "orthogonal" over both blocks; `initializers.SquareBlocks` draws each for itself.
        negative_slope, use_bias, kernel_initializer, normalization, dropout, …: as in `SimpleRNN`.

    Shapes: inputs (batch, time, features) → (batch, units), or (batch, time, units) with `return_sequences`. The state
    is (batch, skip · units), newest first. Masked steps are not counted.

    Example:
        >>> import tensorflow as tf
        >>> output, history = SkipRNN(4, skip=3, return_state=True)(tf.ones((2, 5, 3)))
        >>> output.shape, history.shape
        (TensorShape([2, 4]), TensorShape([2, 12]))
    """

    cell_class = SkipRNNCell
