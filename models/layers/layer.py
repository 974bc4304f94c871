"""The Keras side of every recurrent layer: masks, states, dropout and directions around the scan."""

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from rnnzoo.models.arguments import real
from rnnzoo.models.compilation import compiled_pieces
from rnnzoo.models.layers.cell import RecurrentCell
from rnnzoo.models.recurrence import Trajectory, scan

__all__ = ["RecurrentLayer"]


class RecurrentLayer(keras.layers.RNN):
    """A cell run over time by the scan: a Keras layer that goes wherever `keras.layers.LSTM` goes in a model.

    Args of every layer beside those of its cell:
        dropout: the share of input features dropped, the same ones in every step; 0.
        recurrent_dropout: the share of hidden units dropped in front of the recurrent product, the same ones in every
            step (Gal & Ghahramani 2016); 0.
        seed: for the two dropouts; None draws a new one.
        activity_regularizer: as in any Keras layer.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as in `keras.layers.RNN`.
    """

    cell_class: ClassVar[type[RecurrentCell]] = RecurrentCell
    _flags = ("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")
    unroll, use_cudnn = False, "auto"
    as_in_keras: ClassVar[dict[str, tuple[Any, ...]]] = {"unroll": (False,), "use_cudnn": ("auto", False)}
    """What Keras's layers can be told, and what of it holds here anyway: so that a configuration of Keras's fits."""
    _layer_options = (*_flags, "name", "trainable", "activity_regularizer", "input_shape", "batch_input_shape")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show the cell's arguments, the layer's and Keras's flags in the signature, each once; have the cell's."""
        super().__init_subclass__(**kwargs)
        shown: dict[str, inspect.Parameter] = {}
        cells: list[Any] = [owner for owner in cls.cell_class.__mro__ if issubclass(owner, RecurrentCell)]
        for owner in (*cells, cls, RecurrentLayer):
            for name, parameter in list(inspect.signature(owner.__init__).parameters.items())[1:]:
                if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                    shown.setdefault(name, parameter)
                    if owner in cells:
                        setattr(cls, name, _of_the_cell(name))
        for flag in cls._flags:
            shown[flag] = inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)
        name = "activity_regularizer"
        shown[name] = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Any)
        cls.__signature__ = inspect.Signature(sorted(shown.values(), key=lambda parameter: parameter.kind))

    def __init__(
        self,
        units: int,
        *arguments: Any,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        dropout = real("dropout", dropout, least=0, below=1)
        recurrent_dropout = real("recurrent_dropout", recurrent_dropout, least=0, below=1)
        for name in [name for name in self.as_in_keras if name in options]:
            _check_holds(name, options.pop(name), type(self))
        known = {*type(self).__signature__.parameters, *self._layer_options, "dtype"}
        for name in options:
            if name not in known:
                taken = ", ".join(sorted(known))
                raise ValueError(f"{type(self).__name__} takes {taken}, but got {name}={options[name]!r}.")
        parameters = type(self).__signature__.parameters.values()
        positional = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        if len(arguments) >= len(positional):
            taken = " and ".join(positional)
            raise ValueError(f"{type(self).__name__} takes {taken} by position, but got {(units, *arguments)}.")
        layer_options = {name: options.pop(name) for name in self._layer_options if name in options}
        dtype = options.pop("dtype", None)
        cell = self.cell_class(units, *arguments, dtype=dtype, **options)
        super().__init__(cell, dtype=dtype, **layer_options)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def reset_state(self) -> None:
        if self.states is not None:
            batch_size = self.states[0].shape[0]
            for variable, initial in zip(self.states, self.get_initial_state(batch_size), strict=True):
                variable.assign(initial)

    def inner_loop(
        self,
        sequences: tf.Tensor,  # (batch, time, features)
        initial_state: Sequence[tf.Tensor],
        mask: tf.Tensor | None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        self._check_states(initial_state)
        batch = sequences.shape[0] or tf.shape(sequences)[0]
        time = sequences.shape[1] or tf.shape(sequences)[1]
        sequences = tf.transpose(sequences, (1, 0, 2))  # (time, batch, features)
        mask = None if mask is None else _time_major(mask, batch, time)
        if self.go_backwards:
            sequences = tf.reverse(sequences, [0])
            mask = None if mask is None else tf.reverse(mask, [0])
        if training and self.dropout:
            sequences *= self._keep((1, batch, sequences.shape[-1]), self.dropout, sequences.dtype)

        cell = self.cell
        projected = cell.project(sequences)
        scanned = mask
        if mask is not None and cell.depth > 1:  # a history of several steps counts only unmasked ones
            projected, scanned = _unmasked_first(projected, mask)
        states = [tf.cast(state, cell.variable_dtype) for state in initial_state]
        states = [tf.repeat(state, batch, axis=0) if state.shape[0] == 1 else state for state in states]
        normalizing = training and self.trainable  # frozen, a layer keeps its statistics, as Keras's normalisation does
        trajectory = scan(
            lambda *step: cell.advance_normalized(*step, training=normalizing),
            projected,
            tf.convert_to_tensor(cell.recurrent_kernel),
            tf.stack(tf.split(states[0], cell.depth, axis=-1)[::-1]),
            states[1:],
            cell.step_weights(normalizing),
            delays=cell.delays,
            mask=scanned,
            dropout=self._keep((batch, cell.units), self.recurrent_dropout, states[0].dtype)
            if training and self.recurrent_dropout
            else None,
            compiled_pieces=self._compiled_pieces(projected) if training else 0,
        )
        if normalizing:
            cell.observe(projected, trajectory, scanned)
        if training:
            self.record(trajectory, mask)
        outputs, history = trajectory.outputs, trajectory.history
        if mask is not None and cell.depth > 1:
            outputs, history = _in_their_places(trajectory, mask, cell.depth)
        last = history[-1]
        if mask is not None:
            outputs, last = self._mask_outputs(outputs, last, mask)
        history = tf.concat(tf.unstack(history[::-1], cell.depth), axis=-1)  # newest first
        return last, tf.transpose(outputs, (1, 0, 2)), [history, *(other[-1] for other in trajectory.others)]

    def _check_states(self, states: Sequence[tf.Tensor]) -> None:
        sizes = [state.shape[-1] for state in states]
        if len(sizes) != len(self.state_size) or any(
            size not in (None, expected) for size, expected in zip(sizes, self.state_size, strict=True)
        ):
            raise ValueError(f"initial_state must be states of the sizes {self.state_size}, but got {sizes}.")

    def _compiled_pieces(self, projected: tf.Tensor) -> int:
        time, batch, width = projected.shape
        multiplications = self.cell.recurrent_kernel.shape[0] * width
        return compiled_pieces(batch, time, multiplications, not self.cell.normalizer.counts_steps)

    def record(self, trajectory: Trajectory, mask: tf.Tensor | None) -> None:
        """After a training scan: a place for losses and metrics on the states."""

    def _mask_outputs(self, outputs: tf.Tensor, last: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Keras's rules: a masked step repeats the output before it, or is zero; before the first output comes zero."""
        if self.zero_output_for_mask:
            outputs = tf.where(mask, outputs, tf.zeros_like(outputs))
            return outputs, outputs[-1]
        begun = tf.cumsum(tf.cast(mask, tf.int32), axis=0) > 0
        outputs = tf.where(begun, outputs, tf.zeros_like(outputs))
        return outputs, tf.where(begun[-1], last, tf.zeros_like(last))

    def _keep(self, shape: tuple[Any, ...], rate: float, dtype: Any) -> tf.Tensor:
        return keras.random.dropout(tf.ones(shape, dtype), rate, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        cell_config = self.cell.get_config()
        for name in ("name", "dtype", "trainable"):
            cell_config.pop(name, None)
        return {
            **keras.layers.Layer.get_config(self),
            **{flag: getattr(self, flag) for flag in self._flags},
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
            **cell_config,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RecurrentLayer":
        return cls(**config)


def _check_holds(name: str, value: Any, layer: type[RecurrentLayer]) -> None:
    takes = layer.as_in_keras[name]
    if getattr(value, "__name__", value) not in takes:  # an activation goes by its name
        values = " or ".join(map(repr, takes))
        raise ValueError(f"{name} of a {layer.__name__} must be {values}, but got {name}={value!r}.")


def _of_the_cell(name: str) -> property:
    return property(lambda layer: getattr(layer.cell, name), doc=f"The cell's `{name}`.")


def _time_major(mask: tf.Tensor, batch: Any, time: Any) -> tf.Tensor:
    """A mask as Keras's layers take it, (batch, time), (batch, time, 1) or one row for all: (time, batch, 1)."""
    if mask.shape.rank == 3:
        mask = tf.squeeze(mask, axis=-1)
    return tf.transpose(tf.broadcast_to(tf.cast(mask, tf.bool), (batch, time)))[..., tf.newaxis]


def _unmasked_first(projected: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The unmasked steps of each row moved to its front, and the mask likewise."""
    order = tf.argsort(tf.cast(~mask, tf.int32), axis=0, stable=True)  # (time, batch, 1)
    return _take(projected, order), _take(mask, order)


def _in_their_places(trajectory: Trajectory, mask: tf.Tensor, depth: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Outputs and history of a scan over `_unmasked_first`: each step's where it was, masked ones as the one before."""
    count = tf.reduce_sum(tf.cast(mask, tf.int32), axis=0)  # (batch, 1)
    history = _take(trajectory.hidden, count + tf.range(depth)[:, tf.newaxis, tf.newaxis])
    return _take(trajectory.outputs, tf.maximum(tf.cumsum(tf.cast(mask, tf.int32), axis=0) - 1, 0)), history


def _take(values: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Pick rows along time: values (time, batch, n), positions (steps, batch, 1) → (steps, batch, n)."""
    batch = tf.broadcast_to(tf.range(tf.shape(values)[1])[tf.newaxis, :], tf.shape(positions)[:2])
    return tf.gather_nd(values, tf.stack([positions[..., 0], batch], axis=-1))
