"""What all recurrent layers share: the cell's contract, and the Keras side around the scan."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from rnnzoo.models.normalization import Normalize, Site, normalizer
from rnnzoo.models.recurrence import States, Trajectory, scan

__all__ = ["RecurrentCell", "RecurrentLayer"]


class RecurrentCell(keras.layers.Layer):
    """An equation and its weights.

    A cell says `gates` (how many blocks of `units` its pre-activations have) and `advance`; it may say more states,
    more weights, other delays. Everything else (a step, the scan, Keras's own loop through `call`) is made of
    `project` and `advance` here, once.

    The first state is the history: the hidden states that the recurrence still reads, newest first, side by side in
    one tensor (batch, depth · units). For all cells but the skip networks the depth is 1 and it is the hidden state.
    With `normalization="batch"` the last state counts the steps, (batch, 1).
    """

    gates: ClassVar[int] = 1

    def __init__(
        self,
        units: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        normalization: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(units, bool) or not isinstance(units, int) or units <= 0:
            raise ValueError(f"units must be a positive integer, but got {units=}.")
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.normalization = normalization
        self.normalizer = normalizer(normalization)

    # What a cell may say differently.

    @property
    def delays(self) -> tuple[int, ...]:
        """How many steps back each block of the recurrent kernel looks."""
        return (1,)

    @property
    def further_state_sizes(self) -> tuple[int, ...]:
        """The sizes of the states beside the hidden one."""
        return ()

    @property
    def sites(self) -> Mapping[str, Site]:
        """Where a normaliser acts; "input" and "recurrent" for all cells that do not say otherwise."""
        width = self.gates * self.units
        return {"input": Site(width, self.bias_initializer), "recurrent": Site(width)}

    def build_further_weights(self) -> None:
        """Create the weights beside kernel, recurrent kernel and bias."""

    def further_weights(self) -> dict[str, tf.Tensor]:
        """Weights that `advance` reads, by name."""
        return {}

    def advance(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        normalize: Normalize,
    ) -> States:
        """The equation, pointwise: projected and recurrent (batch, gates · units), states → new states."""
        raise NotImplementedError(f"{type(self).__name__} must say its equation in advance().")

    # What follows from it.

    @property
    def depth(self) -> int:
        return max(self.delays)

    @property
    def state_size(self) -> list[int]:
        counter = [1] if self.normalizer.counts_steps else []
        return [self.depth * self.units, *self.further_state_sizes, *counter]

    @property
    def output_size(self) -> int:
        return self.units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = self.gates * self.units
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], width), initializer=self.kernel_initializer
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(len(self.delays) * self.units, width),
            initializer=self.recurrent_initializer,
        )
        self.bias = None
        if self.normalization is not None:
            self.normalizer.build(self, self.sites)
        elif self.use_bias:
            self.bias = self.build_bias()
        self.build_further_weights()
        self.built = True

    def build_bias(self) -> keras.Variable:
        return self.add_weight(name="bias", shape=(self.gates * self.units,), initializer=self.bias_initializer)

    def project(self, sequence: tf.Tensor) -> tf.Tensor:
        """All that depends on the input alone, for any number of leading axes: (…, features) → (…, gates · units)."""
        projected = tf.tensordot(sequence, tf.convert_to_tensor(self.kernel), axes=1)
        return projected if self.bias is None else projected + self.projected_bias()

    def projected_bias(self) -> tf.Tensor:
        """The part of the bias that joins the input products, (gates · units,)."""
        return tf.convert_to_tensor(self.bias)

    def step_weights(self) -> dict[str, tf.Tensor]:
        return {**self.normalizer.weights(), **self.further_weights()}

    def advance_normalized(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        training: bool = False,
    ) -> States:
        """`advance` on normalised products, with the step counter kept where the normaliser needs one."""
        steps = states[-1] if self.normalizer.counts_steps else None
        normalize = self.normalizer.at(weights, steps, training)
        new_states = self.advance(
            normalize("input", projected), normalize("recurrent", recurrent), states, weights, normalize
        )
        return new_states if steps is None else (*new_states, steps + 1)

    def step(self, inputs: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """One step: inputs (batch, features), states → output (batch, units), new states. Constant cost."""
        history, *others = states
        hiddens = tf.split(history, self.depth, axis=-1)  # newest first
        kernels = tf.split(tf.convert_to_tensor(self.recurrent_kernel), len(self.delays), axis=0)
        products = [
            tf.matmul(tf.cast(hiddens[delay - 1], kernel.dtype), kernel)
            for delay, kernel in zip(self.delays, kernels, strict=True)
        ]
        recurrent = tf.cast(tf.add_n(products), history.dtype)
        projected = tf.cast(self.project(inputs), history.dtype)
        hidden, *others = self.advance_normalized(projected, recurrent, (hiddens[0], *others), self.step_weights())
        return hidden, [tf.concat([hidden, *hiddens[:-1]], axis=-1), *others]

    def call(
        self, inputs: tf.Tensor, states: Sequence[tf.Tensor], training: bool = False
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Keras's contract for cells, so that `keras.layers.RNN(cell)` works, too."""
        return self.step(inputs, list(states))

    def get_initial_state(self, batch_size: int | tf.Tensor) -> list[tf.Tensor]:
        return [tf.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def observe(self, projected: tf.Tensor, trajectory: Trajectory) -> None:
        """After a training scan: let the normaliser learn its population statistics."""
        if self.normalizer.counts_steps:
            values = self.site_values(projected, trajectory)
            self.normalizer.observe(values, trajectory.others[-1][0])

    def site_values(self, projected: tf.Tensor, trajectory: Trajectory) -> dict[str, tf.Tensor]:
        """What each site saw at every step, (time, batch, width)."""
        time = tf.shape(projected)[0]
        kernels = tf.split(tf.convert_to_tensor(self.recurrent_kernel), len(self.delays), axis=0)
        products = [
            tf.matmul(tf.cast(trajectory.hidden[self.depth - delay : self.depth - delay + time], kernel.dtype), kernel)
            for delay, kernel in zip(self.delays, kernels, strict=True)
        ]
        return {"input": projected, "recurrent": tf.add_n(products)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "normalization": self.normalization,
        }


class RecurrentLayer(keras.layers.RNN):
    """A cell run over time by the scan: a Keras layer that goes wherever `keras.layers.LSTM` goes.

    Args of every layer beside those of its cell:
        dropout: the share of input features dropped, the same ones in every step; 0.
        recurrent_dropout: the share of hidden units dropped in front of the recurrent product, the same ones in every
            step (Gal & Ghahramani 2016); 0.
        seed: for the two dropouts; None draws a new one.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as in `keras.layers.RNN`.
    """

    cell_class: ClassVar[type[RecurrentCell]] = RecurrentCell
    _flags = ("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")
    _layer_options = (*_flags, "name", "trainable", "activity_regularizer", "input_shape", "batch_input_shape")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show the cell's arguments, the layer's and Keras's flags in the signature, each once."""
        super().__init_subclass__(**kwargs)
        shown: dict[str, inspect.Parameter] = {}
        for owner in (cls.cell_class, RecurrentCell, cls, RecurrentLayer):
            for name, parameter in list(inspect.signature(owner.__init__).parameters.items())[1:]:
                if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                    shown.setdefault(name, parameter)
        for flag in cls._flags:
            shown[flag] = inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)
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
        for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0 <= rate < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, but got {name}={rate}.")
        layer_options = {name: options.pop(name) for name in self._layer_options if name in options}
        dtype = options.pop("dtype", None)
        cell = self.cell_class(units, *arguments, dtype=dtype, **options)
        super().__init__(cell, dtype=dtype, **layer_options)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def units(self) -> int:
        return self.cell.units

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
        batch = tf.shape(sequences)[0]
        sequences = tf.transpose(sequences, (1, 0, 2))  # (time, batch, features)
        mask = None if mask is None else tf.transpose(tf.cast(mask, tf.bool))[..., tf.newaxis]  # (time, batch, 1)
        if self.go_backwards:
            sequences = tf.reverse(sequences, [0])
            mask = None if mask is None else tf.reverse(mask, [0])
        if training and self.dropout:
            sequences *= self._keep((1, batch, sequences.shape[-1]), self.dropout, sequences.dtype)

        cell = self.cell
        projected = cell.project(sequences)
        order = None
        if mask is not None and cell.depth > 1:
            # A history of several steps counts only unmasked ones: move these to the front of each row.
            order = tf.argsort(tf.cast(~mask, tf.int32), axis=0, stable=True)  # (time, batch, 1)
            projected = _take(projected, order)
        states = [tf.cast(state, cell.variable_dtype) for state in initial_state]
        trajectory = scan(
            lambda *step: cell.advance_normalized(*step, training=training),
            projected,
            tf.convert_to_tensor(cell.recurrent_kernel),
            tf.stack(tf.split(states[0], cell.depth, axis=-1)[::-1]),
            states[1:],
            cell.step_weights(),
            delays=cell.delays,
            mask=mask if order is None else _take(mask, order),
            dropout=self._keep((batch, cell.units), self.recurrent_dropout, states[0].dtype)
            if training and self.recurrent_dropout
            else None,
        )
        if training:
            cell.observe(projected, trajectory)
            self.record(trajectory)
        outputs, history = trajectory.outputs, trajectory.hidden[-cell.depth :]
        if mask is not None and order is not None:
            count = tf.reduce_sum(tf.cast(mask, tf.int32), axis=0)  # (batch, 1)
            history = _take(trajectory.hidden, count + tf.range(cell.depth)[:, tf.newaxis, tf.newaxis])
            outputs = _take(outputs, tf.maximum(tf.cumsum(tf.cast(mask, tf.int32), axis=0) - 1, 0))
        last = history[-1]
        if mask is not None:
            outputs, last = self._mask_outputs(outputs, last, mask)
        history = tf.concat(tf.unstack(history[::-1], cell.depth), axis=-1)  # newest first
        return last, tf.transpose(outputs, (1, 0, 2)), [history, *(other[-1] for other in trajectory.others)]

    def record(self, trajectory: Trajectory) -> None:
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


def _take(values: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Pick rows along time: values (time, batch, n), positions (steps, batch, 1) → (steps, batch, n)."""
    batch = tf.broadcast_to(tf.range(tf.shape(values)[1])[tf.newaxis, :], tf.shape(positions)[:2])
    return tf.gather_nd(values, tf.stack([positions[..., 0], batch], axis=-1))
