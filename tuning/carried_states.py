"""The states that a language model carries from one window of a text to the next."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.replicas import replica_count

__all__ = ["CarriedStates"]


class CarriedStates(keras.layers.Layer):
    """Variables that hold a language model's states between two windows, (batch, size) each.

    Right after `reset` the states are the model's initial ones, through which gradients flow: skip-update networks
    learn theirs. Carried states are numbers; no gradient passes them, which is what truncates backpropagation.

    Args:
        language_model: whose states.
        batch_size: the number of rows.

    Example:
        >>> from rnnzoo.models.architectures import NetworkConfig
        >>> from rnnzoo.models.vocabulary import Vocabulary
        >>> states = CarriedStates(LanguageModel(Vocabulary(["<unk>", "<eos>"]), NetworkConfig(network="irnn")), 3)
        >>> states.carry([tf.ones((3, 200))])
        >>> int(states.read()[0][0, 0])
        1
        >>> states.reset()
        >>> int(states.read()[0][0, 0])
        0
    """

    def __init__(self, language_model: LanguageModel, batch_size: int, name: str | None = None) -> None:
        super().__init__(name=name)
        self.batch_size = batch_size
        self._initial_states = language_model.initial_states  # the method, not the model: it has one owner already
        self.carried = [
            self._carried(name, state)
            for (name, _), state in zip(
                language_model.state_specs, language_model.initial_states(batch_size), strict=True
            )
        ]
        self.is_reset = self.add_weight(
            name="is_reset",
            shape=(),
            dtype="bool",
            trainable=False,
            initializer=keras.initializers.Constant(True),
            aggregation="only_first_replica",
        )
        self.built = True

    def _carried(self, name: str, state: tf.Tensor) -> keras.Variable:
        options: Any = {"name": name, "shape": state.shape, "dtype": state.dtype.name, "trainable": False}
        if replica_count() == 1:
            return self.add_weight(initializer="zeros", **options)
        # Replicas that share a batch have states of their own, of their rows: `add_weight` knows no such variable.
        return keras.Variable("zeros", synchronization="on_read", aggregation="only_first_replica", **options)

    def reset(self) -> None:
        """The next window begins a text."""
        self.is_reset.assign(True)

    def read(self, fresh: tf.Tensor | None = None) -> list[tf.Tensor]:
        """The states to begin the next window with; the initial ones in the rows that are `fresh`, (batch, 1)."""
        initial = self._initial_states(self.batch_size)
        is_reset = tf.convert_to_tensor(self.is_reset)
        if fresh is not None:
            is_reset |= fresh
        return [tf.where(is_reset, first, later) for first, later in zip(initial, self.carried, strict=True)]

    def carry(self, states: Sequence[tf.Tensor]) -> None:
        """The states that a window ended with."""
        for variable, state in zip(self.carried, states, strict=True):
            variable.assign(state)
        self.is_reset.assign(False)
