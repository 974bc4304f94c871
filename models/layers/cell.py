"""The contract of a cell: an equation and its weights."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from rnnzoo.models.arguments import truth, whole
from rnnzoo.models.normalization import Normalize, Site, normalizer
from rnnzoo.models.recurrence import States, Trajectory
from rnnzoo.models.time_loops import recurrent_product

__all__ = ["RecurrentCell"]


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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        normalization: str | None = None,
        **kwargs: Any,
    ) -> None:
        units = whole("units", units, least=1)
        use_bias = truth("use_bias", use_bias)
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
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
            name="kernel",
            shape=(input_shape[-1], width),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(len(self.delays) * self.units, width),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.normalization is not None:
            self.normalizer.build(self, self.sites)
        elif self.use_bias:
            self.bias = self.build_bias()
        self.build_further_weights()
        self.built = True

    def build_bias(self) -> keras.Variable:
        return self.add_bias("bias", (self.gates * self.units,), self.bias_initializer)

    def add_bias(self, name: str, shape: tuple[int, ...], initializer: Any, autocast: bool = True) -> keras.Variable:
        """A weight that the bias's regulariser and constraint are for."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
            autocast=autocast,
        )

    def project(self, sequence: tf.Tensor) -> tf.Tensor:
        """All that depends on the input alone, for any number of leading axes: (…, features) → (…, gates · units)."""
        kernel = tf.cast(self.kernel, self.compute_dtype)
        rows = tf.reshape(tf.cast(sequence, kernel.dtype), (-1, kernel.shape[0]))
        # Of what is made in a smaller dtype, only products are quick.
        projected = tf.cast(tf.matmul(rows, kernel), self.variable_dtype)
        if self.bias is not None:
            projected = tf.nn.bias_add(projected, tf.cast(self.projected_bias(), projected.dtype))
        return tf.reshape(projected, tf.concat([tf.shape(sequence)[:-1], [kernel.shape[1]]], axis=0))

    def projected_bias(self) -> tf.Tensor:
        """The part of the bias that joins the input products, (gates · units,)."""
        return tf.convert_to_tensor(self.bias)

    def recurrent_product(self, hiddens: Sequence[tf.Tensor]) -> tf.Tensor:
        """What the hidden states at each delay add, (…, units) each → (…, gates · units)."""
        kernels = tf.split(tf.cast(self.recurrent_kernel, self.compute_dtype), len(self.delays), axis=0)
        return recurrent_product(hiddens, kernels)

    def step_weights(self, training: bool = False) -> dict[str, tf.Tensor]:
        return {**self.normalizer.weights(training), **self.further_weights()}

    def advance_normalized(
        self,
        projected: tf.Tensor,
        recurrent: tf.Tensor,
        states: States,
        weights: Mapping[str, tf.Tensor],
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> States:
        """`advance` on normalised products, with the step counter kept where the normaliser needs one."""
        steps = states[-1] if self.normalizer.counts_steps else None
        normalize = self.normalizer.at(weights, steps, mask, training)
        new_states = self.advance(
            normalize("input", projected), normalize("recurrent", recurrent), states, weights, normalize
        )
        return new_states if steps is None else (*new_states, steps + 1)

    def step(self, inputs: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """One step: inputs (batch, features), states → output (batch, units), new states. Constant cost."""
        # As in the scan, only the products are made in a smaller dtype; the equation is not.
        history, *others = (tf.cast(state, self.variable_dtype) for state in states)
        hiddens = tf.split(history, self.depth, axis=-1)  # newest first
        recurrent = self.recurrent_product([hiddens[delay - 1] for delay in self.delays])
        hidden, *others = self.advance_normalized(
            self.project(inputs), recurrent, (hiddens[0], *others), self.step_weights()
        )
        new_states = [tf.concat([hidden, *hiddens[:-1]], axis=-1), *others]
        return tf.cast(hidden, self.compute_dtype), [
            tf.cast(new, old.dtype) for new, old in zip(new_states, states, strict=True)
        ]

    def call(
        self, inputs: tf.Tensor, states: Sequence[tf.Tensor], training: bool = False
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Keras's contract for cells, so that `keras.layers.RNN(cell)` works, too."""
        if training and self.normalizer.counts_steps:
            raise ValueError(
                'normalization="batch" must be trained in a layer of rnnzoo.models, which sees all steps and learns '
                f"their statistics, but {type(self).__name__} is run step by step."
            )
        return self.step(inputs, list(states))

    def get_initial_state(self, batch_size: int | tf.Tensor) -> list[tf.Tensor]:
        # Not in the dtype of the products: what adds up over many steps must not be rounded in each.
        return [tf.zeros((batch_size, size), self.variable_dtype) for size in self.state_size]

    def observe(self, projected: tf.Tensor, trajectory: Trajectory, mask: tf.Tensor | None) -> None:
        """After a training scan: let the normaliser learn its population statistics."""
        if self.normalizer.counts_steps:
            values = self.site_values(projected, trajectory, mask)
            self.normalizer.observe(values, trajectory.others[-1][:-1], mask)

    def site_values(self, projected: tf.Tensor, trajectory: Trajectory, mask: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """What each site meets at every step, (time, batch, width): the equation once more, on all steps at a time.

        Nothing is dropped from the hidden states here, as nothing will be when the statistics are put to use.
        """
        time = tf.shape(projected)[0]
        hiddens = [trajectory.hidden[self.depth - delay : self.depth - delay + time] for delay in self.delays]
        states = (trajectory.hidden[self.depth - 1 : -1], *(other[:-1] for other in trajectory.others))
        weights = self.step_weights(training=True)
        normalize = self.normalizer.at(weights, states[-1], mask, training=True)
        values: dict[str, tf.Tensor] = {}

        def record(site: str, value: tf.Tensor) -> tf.Tensor:
            values[site] = value
            return normalize(site, value)

        recurrent = self.recurrent_product(hiddens)
        projected = tf.cast(projected, recurrent.dtype)
        self.advance(record("input", projected), record("recurrent", recurrent), states, weights, record)
        return values

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": keras.regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": keras.constraints.serialize(self.recurrent_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "normalization": self.normalization,
        }
