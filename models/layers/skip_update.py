"""Networks that learn which steps to skip altogether (Campos et al. 2018, "Skip RNN")."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.arguments import real
from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.layers.gated import GRUCell, LSTMCell
from rnnzoo.models.layers.layer import RecurrentLayer
from rnnzoo.models.normalization import Normalize
from rnnzoo.models.recurrence import States, Trajectory

__all__ = ["SkipUpdateGRU", "SkipUpdateGRUCell", "SkipUpdateLSTM", "SkipUpdateLSTMCell"]


class _SkipUpdateCell(RecurrentCell):
    """Wraps a gated cell's equation: `state = u · S(state, input) + (1 - u) · state`, with a learned u of 0 or 1.

    `u = round(ũ)`; after an update ũ starts again at `Δũ = σ(state @ update_kernel + update_bias)`, after a skip it
    grows by Δũ until it reaches 1. Rounding passes gradients straight through. For the LSTM, Δũ reads the cell.

    Further weights: update_kernel (units, 1), update_bias (1,), and the learned initial states (units,).
    Further state: the update probability ũ, (batch, 1), which starts at 1: the first step is always made.
    """

    initial_names: tuple[str, ...] = ("initial_hidden",)

    @property
    def further_state_sizes(self) -> tuple[int, ...]:
        return (*super().further_state_sizes, 1)

    def build_further_weights(self) -> None:
        super().build_further_weights()
        self.update_kernel = self.add_weight(
            name="update_kernel", shape=(self.units, 1), initializer="glorot_uniform", autocast=False
        )
        # σ(1) is above one half: training starts with every step made.
        self.update_bias = self.add_weight(name="update_bias", shape=(1,), initializer="ones", autocast=False)
        self.initial_states = [
            self.add_weight(name=name, shape=(self.units,), initializer="zeros", autocast=False)
            for name in self.initial_names
        ]

    def further_weights(self) -> dict[str, tf.Tensor]:
        return {
            **super().further_weights(),
            "update_kernel": tf.convert_to_tensor(self.update_kernel),
            "update_bias": tf.convert_to_tensor(self.update_bias),
        }

    def get_initial_state(self, batch_size: int | tf.Tensor) -> list[tf.Tensor]:
        states = super().get_initial_state(batch_size)
        count = len(self.initial_names)
        learned = [
            tf.broadcast_to(tf.convert_to_tensor(initial), (batch_size, self.units))
            for initial in getattr(self, "initial_states", ())
        ] or states[:count]
        return [*learned, tf.ones_like(states[count]), *states[count + 1 :]]

    def advance(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        normalize: Normalize,
    ) -> States:
        count = len(self.initial_names)
        old_states, probability = states[:count], states[count]
        candidates = super().advance(projected, recurrent, old_states, weights, normalize)
        update = round_straight_through(probability)
        new_states = tuple(
            update * candidate + (1 - update) * old for candidate, old in zip(candidates, old_states, strict=True)
        )
        growth = tf.sigmoid(tf.matmul(new_states[-1], weights["update_kernel"]) + weights["update_bias"])
        waiting = probability + tf.minimum(growth, 1 - probability)
        return *new_states, update * growth + (1 - update) * waiting


def round_straight_through(probability: tf.Tensor) -> tf.Tensor:
    """0 or 1, with the gradient of the identity.

    Example:
        >>> round_straight_through(tf.constant([0.4, 0.5])).numpy().tolist()
        [0.0, 1.0]
    """
    rounded = tf.cast(probability >= 0.5, probability.dtype)
    return probability + tf.stop_gradient(rounded - probability)


@keras.saving.register_keras_serializable("rnnzoo")
class SkipUpdateLSTMCell(_SkipUpdateCell, LSTMCell):
    """An LSTM cell that learns which steps to skip; states: hidden, cell, update probability."""

    initial_names = ("initial_hidden", "initial_cell")


@keras.saving.register_keras_serializable("rnnzoo")
class SkipUpdateGRUCell(_SkipUpdateCell, GRUCell):
    """A GRU cell that learns which steps to skip; states: hidden, update probability."""


class _SkipUpdateLayer(RecurrentLayer):
    """Adds the budget loss and the share of updates to a layer of skip-update cells."""

    def __init__(self, units: int, *arguments: Any, budget: float = 0.0, **options: Any) -> None:
        budget = real("budget", budget, least=0)
        super().__init__(units, *arguments, **options)
        self.budget = budget
        self.update_share = keras.metrics.Mean(name="update_share")

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if self.stateful and self.states is None:
            # Beside the states, which Keras does not count among the variables either.
            self.__dict__["_is_reset"] = keras.Variable(True, dtype="bool", trainable=False, name="is_reset")
        super().build(sequences_shape, initial_state_shape)

    def reset_state(self) -> None:
        super().reset_state()
        if self.states is not None:
            self._is_reset.assign(True)

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: Any = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> Any:
        if not self.stateful:
            return super().call(sequences, initial_state, mask, training)
        if initial_state is None:
            # After a reset not what was read then: initial states learn, and are loaded.
            learned = self.get_initial_state(self.states[0].shape[0])
            is_reset = tf.convert_to_tensor(self._is_reset)
            initial_state = [tf.where(is_reset, *pair) for pair in zip(learned, self.states, strict=True)]
        results = super().call(sequences, initial_state, mask, training)
        self._is_reset.assign(False)
        return results

    def record(self, trajectory: Trajectory, mask: tf.Tensor | None) -> None:
        probabilities = trajectory.others[len(self.cell.initial_names) - 1][:-1]  # before each step, (time, batch, 1)
        steps = tf.ones_like(probabilities) if mask is None else tf.cast(mask, probabilities.dtype)
        updates = steps * round_straight_through(probabilities)
        self.update_share.update_state(tf.math.divide_no_nan(tf.reduce_sum(updates), tf.reduce_sum(steps)))
        if self.budget:
            self.add_loss(self.budget * tf.reduce_mean(tf.reduce_sum(updates, axis=0)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "budget": self.budget}


@keras.saving.register_keras_serializable("rnnzoo")
class SkipUpdateLSTM(_SkipUpdateLayer):
    """An LSTM that learns which steps to skip altogether: a skipped step copies the state, gradient and all.

    Source: Campos et al. 2018, "Skip RNN: learning to skip state updates in recurrent neural networks".

    Args:
        units: the size of the hidden state and of the cell.
        budget: λ, the loss added in training, not to `val_loss`, for each update of a sequence (mean over the batch);
            0 asks for no saving, the paper uses 1e-5 to 1e-3.
        unit_forget_bias, use_bias, kernel_initializer, …: as in `LSTM`.

    Shapes: as `LSTM`, with a third state: the update probability (batch, 1), 1 at the start.
    The metric `update_share` is the share of steps made in training; `evaluate`, which does not measure it, says 0. Of
    several such layers in one Keras model, logs show one; each layer's own `update_share` tells them apart.

    Example:
        >>> layer = SkipUpdateLSTM(4, budget=1e-3)
        >>> layer(tf.ones((2, 5, 3)), training=True).shape
        TensorShape([2, 4])
        >>> 0 < float(layer.update_share.result()) <= 1
        True
    """

    cell_class = SkipUpdateLSTMCell


@keras.saving.register_keras_serializable("rnnzoo")
class SkipUpdateGRU(_SkipUpdateLayer):
    """A GRU that learns which steps to skip altogether.

    Source: Campos et al. 2018.

    Args:
        units: the size of the hidden state.
        budget: λ, the loss added in training, not to `val_loss`, for each update of a sequence (mean over the batch);
            0.
        use_bias, kernel_initializer, …: as in `GRU`.

    Shapes: as `GRU`, with a second state: the update probability (batch, 1), 1 at the start.

    Example:
        >>> output, hidden, probability = SkipUpdateGRU(4, return_state=True)(tf.ones((2, 5, 3)))
        >>> output.shape, hidden.shape, probability.shape
        (TensorShape([2, 4]), TensorShape([2, 4]), TensorShape([2, 1]))
    """

    cell_class = SkipUpdateGRUCell
