"""Gates: the long short-term memory and the gated recurrent unit."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.arguments import truth
from rnnzoo.models.initializers import ChronoLSTM
from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.layers.layer import RecurrentLayer
from rnnzoo.models.normalization import Normalize, Site
from rnnzoo.models.recurrence import States

__all__ = ["GRU", "LSTM", "GRUCell", "LSTMCell"]


@keras.saving.register_keras_serializable("rnnzoo")
class LSTMCell(RecurrentCell):
    """`cell = σ(f) · cell + σ(i) · tanh(g)`, `hidden = σ(o) · tanh(cell)` (Hochreiter & Schmidhuber 1997).

    With a normaliser, the input products, the recurrent products and the cell inside the last tanh are normalised
    apart (Ba et al. 2016, eq. 20–22; Cooijmans et al. 2017, eq. 6–8).

    Weights: kernel (features, 4 · units), recurrent_kernel (units, 4 · units), bias (4 · units,), gates in the order
    i, f, g, o, as in Keras.
    """

    gates = 4

    def __init__(self, units: int, *, unit_forget_bias: bool | None = None, **options: Any) -> None:
        """`unit_forget_bias=None` means True unless the bias is `ChronoLSTM`'s."""
        super().__init__(units, **options)
        is_chrono = isinstance(self.bias_initializer, ChronoLSTM)
        self.unit_forget_bias = (
            not is_chrono if unit_forget_bias is None else truth("unit_forget_bias", unit_forget_bias)
        )

    @property
    def further_state_sizes(self) -> tuple[int, ...]:
        return (self.units,)

    @property
    def sites(self) -> Mapping[str, Site]:
        return {
            **super().sites,
            "input": Site(self.gates * self.units, self.initial_bias),
            "cell": Site(self.units, "zeros"),
        }

    def build_bias(self) -> keras.Variable:
        return self.add_bias("bias", (self.gates * self.units,), self.initial_bias)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> tf.Tensor:
        bias = tf.convert_to_tensor(self.bias_initializer(shape, dtype=dtype))
        if not self.unit_forget_bias:
            return bias
        i, f, g, o = tf.split(bias, 4)
        return tf.concat([i, tf.ones_like(f), g, o], axis=0)

    def advance(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        normalize: Normalize,
    ) -> States:
        cell = states[1]
        # i = input, f = forget, g = cell update, o = output.
        i, f, g, o = tf.split(projected + recurrent, 4, axis=-1)
        cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(normalize("cell", cell)), cell

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


@keras.saving.register_keras_serializable("rnnzoo")
class LSTM(RecurrentLayer):
    """Long short-term memory: Keras's `LSTM`, weight for weight.

    Source: Hochreiter & Schmidhuber 1997; forget gates: Gers et al. 2000.

    Args:
        units: the size of the hidden state and of the cell.
        unit_forget_bias: start the forget gate's bias at 1 (Jozefowicz et al. 2015); True as in Keras, unless the
            `bias_initializer` is `initializers.ChronoLSTM`, which has forget biases of its own.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, normalization, dropout, …: as in
            `SimpleRNN`.

    Shapes: inputs (batch, time, features) → (batch, units), or (batch, time, units) with `return_sequences`. States:
    hidden (batch, units), cell (batch, units).

    Example:
        >>> output, hidden, cell = LSTM(4, return_state=True)(tf.ones((2, 5, 3)))
        >>> output.shape, hidden.shape, cell.shape
        (TensorShape([2, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = LSTMCell
    activation, recurrent_activation = staticmethod(keras.activations.tanh), staticmethod(keras.activations.sigmoid)
    as_in_keras = RecurrentLayer.as_in_keras | {"activation": ("tanh",), "recurrent_activation": ("sigmoid",)}


@keras.saving.register_keras_serializable("rnnzoo")
class GRUCell(RecurrentCell):
    """`hidden = z · hidden + (1 - z) · tanh(g_x + r · g_h)` (Cho et al. 2014), reset after the product, as in cuDNN.

    Weights: kernel (features, 3 · units), recurrent_kernel (units, 3 · units), bias (2, 3 · units) for the input and
    the recurrent products, gates in the order z, r, g, as in Keras with `reset_after=True`.
    """

    gates = 3

    @property
    def sites(self) -> Mapping[str, Site]:
        width = self.gates * self.units
        return {"input": Site(width, self.bias_initializer), "recurrent": Site(width, "zeros")}

    def build_bias(self) -> keras.Variable:
        shape = (2, self.gates * self.units)
        # The half that joins the recurrent products is added in full precision, in the scan as in a step.
        return self.add_bias("bias", shape, self.bias_initializer, autocast=False)

    def projected_bias(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.bias)[0]

    def further_weights(self) -> dict[str, tf.Tensor]:
        if self.bias is None:
            return {}
        return {"recurrent_bias": tf.convert_to_tensor(self.bias)[1]}

    def advance(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        normalize: Normalize,
    ) -> States:
        hidden = states[0]
        if self.bias is not None:  # under a normaliser the "recurrent" site has added its own
            recurrent += weights["recurrent_bias"]
        # z = update (how much of the old state stays), r = reset, g = candidate.
        z_r_input, g_input = tf.split(projected, [2 * self.units, self.units], axis=-1)
        z_r_recurrent, g_recurrent = tf.split(recurrent, [2 * self.units, self.units], axis=-1)
        z, r = tf.split(tf.sigmoid(z_r_input + z_r_recurrent), 2, axis=-1)
        g = tf.tanh(g_input + r * g_recurrent)
        return (g + z * (hidden - g),)


@keras.saving.register_keras_serializable("rnnzoo")
class GRU(RecurrentLayer):
    """Gated recurrent unit: Keras's `GRU` (`reset_after=True`), weight for weight.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder–decoder".

    Args:
        units: the size of the hidden state.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, normalization, dropout, …: as in
            `SimpleRNN`; `initializers.ChronoGRU` suits `bias_initializer`.

    Shapes: inputs (batch, time, features) → (batch, units), or (batch, time, units) with `return_sequences`.

    Example:
        >>> GRU(4, return_sequences=True)(tf.ones((2, 5, 3))).shape
        TensorShape([2, 5, 4])
    """

    cell_class = GRUCell
    activation, recurrent_activation = staticmethod(keras.activations.tanh), staticmethod(keras.activations.sigmoid)
    reset_after = True
    as_in_keras = LSTM.as_in_keras | {"reset_after": (True,)}
