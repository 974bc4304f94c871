"""Normalisation inside the recurrence: layer (Ba et al. 2016) and batch (Cooijmans et al. 2017).

A cell names its sites (where a normaliser acts), a normaliser owns their weights. Under a normaliser the sites' biases
replace the cell's own `bias`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import tensorflow as tf

from rnnzoo.models.architectures import NORMALIZATIONS

__all__ = ["BatchNormalizer", "LayerNormalizer", "Normalize", "Normalizer", "Site", "normalizer"]

Normalize = Callable[[str, tf.Tensor], tf.Tensor]
"""`normalize(site, values (batch, width))`: values, normalised if the site is."""


@dataclass(frozen=True)
class Site:
    """A place where values are normalised.

    Attributes:
        width: how many values a row has.
        bias: the initialiser of what is added afterwards, or None to add nothing.
    """

    width: int
    bias: Any = None


class Normalizer(Protocol):
    """What a cell asks of a normaliser."""

    counts_steps: bool

    def build(self, cell: Any, sites: Mapping[str, Site]) -> None:
        """Create the weights of all sites on the cell."""

    def weights(self, training: bool) -> dict[str, tf.Tensor]:
        """The weights that a step reads, as tensors, for the scan."""

    def at(
        self, weights: Mapping[str, tf.Tensor], steps: tf.Tensor | None, mask: tf.Tensor | None, training: bool
    ) -> Normalize:
        """The normalisation of one step.

        Args:
            weights: what `weights` gave.
            steps: (batch, 1), the steps since the initial state.
            mask: (batch, 1), False in rows that do not count; None where all do.
            training: whether statistics are those of the batch.
        """

    def observe(self, values: Mapping[str, tf.Tensor], steps: tf.Tensor, mask: tf.Tensor | None) -> None:
        """Learn from what the sites saw in training, each (time, batch, width), and `at` was told, (time, batch, 1)."""


class NoNormalizer:
    """Leaves everything as it is."""

    counts_steps = False

    def build(self, cell: Any, sites: Mapping[str, Site]) -> None:
        """There is nothing to create."""

    def weights(self, training: bool) -> dict[str, tf.Tensor]:
        return {}

    def at(
        self, weights: Mapping[str, tf.Tensor], steps: tf.Tensor | None, mask: tf.Tensor | None, training: bool
    ) -> Normalize:
        return lambda site, values: values

    def observe(self, values: Mapping[str, tf.Tensor], steps: tf.Tensor, mask: tf.Tensor | None) -> None:
        """There is nothing to learn."""


class LayerNormalizer:
    """`gain / σ ⊙ (values - μ) + bias`, with μ and σ over the units of one row.

    Args:
        epsilon: added to the variance; 1e-5 as in Ba et al.'s code.
    """

    counts_steps = False
    gain = 1.0

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = epsilon
        self.variables: dict[str, keras.Variable] = {}
        self.statistics: set[str] = set()  # the variables that no gradient teaches
        self.sites: Mapping[str, Site] = {}

    def build(self, cell: Any, sites: Mapping[str, Site]) -> None:
        self.sites = dict(sites)
        for name, site in sites.items():
            gain = keras.initializers.Constant(self.gain)
            self._add(cell, f"{name}_gain", (site.width,), gain)
            if site.bias is not None and cell.use_bias:
                name = f"{name}_bias"
                self.variables[name] = cell.add_bias(name, (site.width,), site.bias, autocast=False)

    def _add(
        self, cell: keras.layers.Layer, name: str, shape: tuple[int, ...], initializer: Any, trainable: bool = True
    ) -> None:
        if not trainable:
            self.statistics.add(name)
        self.variables[name] = cell.add_weight(
            name=name, shape=shape, initializer=initializer, trainable=trainable, autocast=False
        )

    def weights(self, training: bool) -> dict[str, tf.Tensor]:
        # Training takes its statistics from the batch: tables of them would cost every backward step a sum of zeros.
        return {
            name: tf.convert_to_tensor(variable)
            for name, variable in self.variables.items()
            if name not in self.statistics or not training
        }

    def at(
        self, weights: Mapping[str, tf.Tensor], steps: tf.Tensor | None, mask: tf.Tensor | None, training: bool
    ) -> Normalize:
        def normalize(name: str, values: tf.Tensor) -> tf.Tensor:
            if name not in self.sites:
                return values
            mean, variance = self.moments(name, values, weights, steps, mask, training)
            values = (values - mean) * tf.math.rsqrt(variance + self.epsilon) * weights[f"{name}_gain"]
            return values + weights[f"{name}_bias"] if f"{name}_bias" in weights else values

        return normalize

    def moments(
        self, name: str, values: tf.Tensor, weights: Mapping[str, tf.Tensor], steps: Any, mask: Any, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.nn.moments(values, axes=[-1], keepdims=True)

    def observe(self, values: Mapping[str, tf.Tensor], steps: tf.Tensor, mask: tf.Tensor | None) -> None:
        """A row needs only itself."""


class BatchNormalizer(LayerNormalizer):
    """Statistics over the batch in training, population statistics of the same time step afterwards.

    The gain starts at 0.1: at 1 the tanh saturates and the gradient vanishes (Cooijmans et al. 2017, section 4).
    The first `steps` steps after the initial state have statistics of their own, all later ones share the last. Masked
    rows do not count, as in `keras.layers.BatchNormalization`.

    Args:
        steps: how many time steps have statistics of their own; 50, where those of Cooijmans et al. have settled.
        momentum: how much of the old population statistics each training batch keeps.
        epsilon: added to the variance.
    """

    counts_steps = True
    gain = 0.1

    def __init__(self, steps: int = 50, momentum: float = 0.99, epsilon: float = 1e-5) -> None:
        super().__init__(epsilon)
        self.steps = steps
        self.momentum = momentum

    def build(self, cell: Any, sites: Mapping[str, Site]) -> None:
        super().build(cell, sites)
        for name, site in sites.items():
            self._add(cell, f"{name}_moving_mean", (self.steps, site.width), "zeros", trainable=False)
            self._add(cell, f"{name}_moving_variance", (self.steps, site.width), "ones", trainable=False)

    def moments(
        self, name: str, values: tf.Tensor, weights: Mapping[str, tf.Tensor], steps: Any, mask: Any, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if training:
            return _moments_of_rows(values, mask)
        slots = self._slots(steps[:, 0])
        return tf.gather(weights[f"{name}_moving_mean"], slots), tf.gather(weights[f"{name}_moving_variance"], slots)

    def observe(self, values: Mapping[str, tf.Tensor], steps: tf.Tensor, mask: tf.Tensor | None) -> None:
        slots = self._slots(steps[..., 0])  # (time, batch)
        time = tf.shape(slots)[0]
        counts = tf.ones_like(slots) if mask is None else tf.cast(mask[..., 0], slots.dtype)
        places = slots + self.steps * tf.range(time)[:, tf.newaxis]
        counts = tf.reshape(tf.math.unsorted_segment_sum(counts, places, self.steps * time), (time, self.steps))
        rows = tf.reduce_sum(counts, axis=0)[:, tf.newaxis]  # that have shaped the statistics of each slot
        for name in self.sites:
            moments = _moments_of_rows(values[name], mask)  # each (time, 1, width)
            for kind, moment in zip(("mean", "variance"), moments, strict=True):
                variable = self.variables[f"{name}_moving_{kind}"]
                population = tf.convert_to_tensor(variable)
                moment = tf.cast(moment[:, 0], population.dtype)
                total = tf.matmul(tf.cast(counts, population.dtype), moment, transpose_a=True)
                batch = total / tf.cast(tf.maximum(rows, 1), population.dtype)
                mixed = self.momentum * population + (1 - self.momentum) * batch
                variable.assign(tf.where(rows > 0, mixed, population))

    def _slots(self, steps: tf.Tensor) -> tf.Tensor:
        return tf.minimum(tf.cast(steps, tf.int32), self.steps - 1)


def _moments_of_rows(values: tf.Tensor, mask: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance over the rows that count, (…, batch, width) → each (…, 1, width); of no rows they are 0."""
    if mask is None:
        return tf.nn.moments(values, axes=[-2], keepdims=True)
    counted = tf.cast(mask, values.dtype)
    share = counted / tf.maximum(tf.reduce_sum(counted, axis=-2, keepdims=True), 1)
    mean = tf.reduce_sum(share * values, axis=-2, keepdims=True)
    return mean, tf.reduce_sum(share * tf.square(values - mean), axis=-2, keepdims=True)


def normalizer(name: str | None) -> Normalizer:
    """The normaliser of that name: "layer", "batch", or None.

    Example:
        >>> normalizer("layer").counts_steps
        False
    """
    if name is None:
        return NoNormalizer()
    if name == "layer":
        return LayerNormalizer()
    if name == "batch":
        return BatchNormalizer()
    raise ValueError(f"normalization must be None or one of {NORMALIZATIONS}, but got normalization={name!r}.")
