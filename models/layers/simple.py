"""The plain recurrent network, and the one whose recurrent kernel starts as the identity."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.arguments import real
from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.layers.layer import RecurrentLayer
from rnnzoo.models.normalization import Normalize, Site
from rnnzoo.models.recurrence import States

__all__ = ["IRNN", "IRNNCell", "SimpleRNN", "SimpleRNNCell"]


@keras.saving.register_keras_serializable("rnnzoo")
class SimpleRNNCell(RecurrentCell):
    """`hidden = φ(inputs @ kernel + hidden @ recurrent_kernel + bias)` (Elman 1990).

    With `normalization="layer"`: `φ(LN(inputs @ kernel + hidden @ recurrent_kernel) + bias)` (Ba et al. 2016);
    with "batch": `φ(BN(inputs @ kernel) + BN(hidden @ recurrent_kernel) + bias)` (Cooijmans et al. 2017).

    Weights: kernel (features, units), recurrent_kernel (units, units), bias (units,).
    """

    def __init__(
        self, units: int, activation: Any = "tanh", *, negative_slope: float | None = None, **options: Any
    ) -> None:
        super().__init__(units, **options)
        if negative_slope is not None and activation != "leaky_relu":
            raise ValueError(
                f'negative_slope belongs to activation="leaky_relu", but got {activation=}, {negative_slope=}.'
            )
        if negative_slope is not None:
            negative_slope = real("negative_slope", negative_slope)
        # The slope of Keras's own activation of this name, so that the two layers agree.
        self.negative_slope = 0.2 if activation == "leaky_relu" and negative_slope is None else negative_slope
        self.activation = keras.activations.get(activation)
        if isinstance(self.activation, keras.layers.Layer):
            if not self.activation.built:
                self.activation.build((None, self.units))
            if self.activation.weights:
                raise ValueError(f"activation must have no weights of its own, but got {activation=}.")

    @property
    def sites(self) -> Mapping[str, Site]:
        if self.normalization == "layer":
            return {"sum": Site(self.units, self.bias_initializer)}
        return super().sites

    def advance(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        normalize: Normalize,
    ) -> States:
        preactivation = normalize("sum", projected + recurrent)
        if self.negative_slope is not None:
            return (tf.nn.leaky_relu(preactivation, alpha=self.negative_slope),)
        return (self.activation(preactivation),)

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "activation": activation, "negative_slope": self.negative_slope}


@keras.saving.register_keras_serializable("rnnzoo")
class SimpleRNN(RecurrentLayer):
    """The plain recurrent network: Keras's `SimpleRNN`, weight for weight, faster, and with remedies.

    Args:
        units: the size of the hidden state.
        activation: "tanh" (Keras's default), "relu", "leaky_relu", or what `keras.activations.get` takes, without
            weights of its own.
        negative_slope: the slope of "leaky_relu" for negative values; 0.2, as in `keras.activations.leaky_relu`.
        use_bias: whether to add a bias; True.
        kernel_initializer: for the input products; "glorot_uniform", as in Keras.
        recurrent_initializer: for the recurrent products; "orthogonal", as in Keras: all singular values 1.
        bias_initializer: "zeros", as in Keras.
        kernel_regularizer, kernel_constraint, recurrent_…, bias_…: None, as in Keras.
        normalization: None, "layer" or "batch": inside the recurrence, see `rnnzoo.models.normalization`.
        dropout: the share of input features dropped, the same ones in every step; 0.
        recurrent_dropout: the share of hidden units dropped in front of the recurrent product, the same ones in every
            step (Gal & Ghahramani 2016); 0.
        seed: for the two dropouts; None draws a new one.
        return_sequences, return_state, go_backwards, stateful, …: as in `keras.layers.RNN`.

    Shapes: inputs (batch, time, features) → (batch, units), or (batch, time, units) with `return_sequences`.

    Example:
        >>> SimpleRNN(4, "relu", return_sequences=True)(tf.ones((2, 5, 3))).shape
        TensorShape([2, 5, 4])
    """

    cell_class = SimpleRNNCell


@keras.saving.register_keras_serializable("rnnzoo")
class IRNNCell(SimpleRNNCell):
    """A ReLU cell whose recurrent kernel starts as `scale · I` (Le, Jaitly & Hinton 2015)."""

    def __init__(
        self,
        units: int,
        activation: Any = "relu",
        *,
        scale: float = 1.0,
        kernel_initializer: Any = None,
        recurrent_initializer: Any = None,
        **options: Any,
    ) -> None:
        scale = real("scale", scale)
        super().__init__(
            units,
            activation,
            kernel_initializer=kernel_initializer or keras.initializers.RandomNormal(stddev=0.001),
            recurrent_initializer=recurrent_initializer or keras.initializers.Identity(scale),
            **options,
        )
        self.scale = scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("rnnzoo")
class IRNN(RecurrentLayer):
    """ReLU, recurrent kernel = identity, bias 0: what the network knows stays as it is until something changes it.

    Source: Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units".

    Args:
        units: the size of the hidden state.
        activation: "relu", as in the paper, or another, as in `SimpleRNN`.
        scale: the recurrent kernel starts as `scale · I`; 1 carries everything, the paper's 0.01 suits short ranges.
        kernel_initializer: N(0, 0.001²), as in the paper: the input may not drown what is remembered.
        recurrent_initializer: takes the place of the scaled identity.
        negative_slope, use_bias, bias_initializer, normalization, dropout, …: as in `SimpleRNN`.

    Shapes: inputs (batch, time, features) → (batch, units), or (batch, time, units) with `return_sequences`.

    Example:
        An untrained one carries its state through any number of steps of silence:

        >>> layer = IRNN(3)
        >>> layer(tf.zeros((1, 50, 2)), initial_state=tf.constant([[1.0, 2.0, 3.0]])).numpy().tolist()
        [[1.0, 2.0, 3.0]]
    """

    cell_class = IRNNCell
