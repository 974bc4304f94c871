"""The optimizer that a training configuration asks for, kind to word vectors of which a step touches few."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from rnnzoo.tuning.optimization.sparse_gradients import first_occurrences, merge_repeated_rows
from rnnzoo.tuning.replicas import replica_count, sum_over_replicas
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["SGD", "Adam", "RMSprop", "SGDAroundAdam", "batches_learnt", "make_optimizer", "takes_whole_rows"]

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices | None

_NUMBER = re.compile(r"_\d+(?=/|$)")  # of a layer beside others of its kind, as in "gru_cell_1/kernel"

# No public names: if Keras had other ones, nothing would call ours, and gradients would be clipped otherwise.
for _name in ("_clip_gradients", "_all_reduce_sum_gradients"):
    if not hasattr(keras.optimizers.Optimizer, _name):
        raise ImportError(
            f"rnnzoo needs a Keras whose optimizers have {_name}, but got {keras.__version__}: pip install 'keras<3.16'"
        )


class _WholeRows(keras.optimizers.Optimizer):
    """Takes a sparse gradient by its rows, each of which it names once (see `merge_repeated_rows`).

    Keras makes it dense to be clipped: all the rows of a large vocabulary for the norm of a few.

    Where replicas share a batch, their gradients are summed before they are clipped, not after as in Keras: a
    threshold means the same on one device and on several.
    """

    def apply(self, grads: Sequence[Gradient], trainable_variables: Any = None) -> None:
        super().apply([merge_repeated_rows(gradient) for gradient in grads], trainable_variables)

    def _clip_gradients(self, gradients: Sequence[Gradient]) -> list[Gradient]:
        if replica_count() > 1:
            gradients = [merge_repeated_rows(gradient) for gradient in sum_over_replicas(list(gradients))]
        dense = [gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in gradients]
        return [
            tf.IndexedSlices(clipped, gradient.indices, gradient.dense_shape)
            if isinstance(gradient, tf.IndexedSlices)
            else clipped
            for gradient, clipped in zip(gradients, super()._clip_gradients(dense), strict=True)
        ]

    def _all_reduce_sum_gradients(self, pairs: Iterable[tuple[Gradient, Any]]) -> list[tuple[Gradient, Any]]:
        return list(pairs)  # they are sums already


@keras.saving.register_keras_serializable("rnnzoo")
class SGD(_WholeRows, keras.optimizers.SGD):
    """Keras's SGD."""


@keras.saving.register_keras_serializable("rnnzoo")
class RMSprop(_WholeRows, keras.optimizers.RMSprop):
    """Keras's RMSprop."""


@keras.saving.register_keras_serializable("rnnzoo")
class Adam(_WholeRows, keras.optimizers.Adam):
    """Keras's Adam, which for a sparse gradient touches weights and moments of its rows alone.

    Keras's own decays the moments of all words in every step, and lets words that did not come drift on with what is
    left of their momentum. Where a gradient is dense, and where every row of a sparse one is touched in every step, the
    two agree.

    Source: Kingma & Ba 2015; the lazy variant is that of TensorFlow Addons' `LazyAdam` and PyTorch's `SparseAdam`.

    Example:
        >>> weights = keras.Variable(tf.ones((4, 2)))
        >>> optimizer = Adam(0.1)
        >>> optimizer.build([weights])
        >>> optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))])
        >>> [round(float(row), 3) for row in weights[:, 0]]
        [1.0, 1.0, 0.9, 1.0]
    """

    def update_step(self, gradient: Gradient, variable: keras.Variable, learning_rate: Any) -> None:
        if not isinstance(gradient, tf.IndexedSlices) or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        rows = gradient.indices
        # A row that is named again brings zeros. It is to bring what its first naming brings, once: all write the same.
        values = tf.gather(gradient.values, first_occurrences(rows, variable.shape[0]))
        old_momentum, old_velocity = tf.gather(momentum.value, rows), tf.gather(velocity.value, rows)
        new_momentum = old_momentum + (1 - self.beta_1) * (values - old_momentum)
        new_velocity = old_velocity + (1 - self.beta_2) * (tf.square(values) - old_velocity)
        step = tf.cast(self.iterations + 1, values.dtype)
        rate = tf.cast(learning_rate, values.dtype) * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        change = rate * new_momentum / (tf.sqrt(new_velocity) + self.epsilon)
        new_values = tf.gather(variable, rows) - change
        # Rows are written over in half the time that adding to them takes.
        for target, new in ((momentum, new_momentum), (velocity, new_velocity), (variable, new_values)):
            self.assign(target, tf.IndexedSlices(new, rows, gradient.dense_shape))


_CLASSES = {"sgd": SGD, "adam": Adam, "rmsprop": RMSprop}


@keras.saving.register_keras_serializable("rnnzoo")
class SGDAroundAdam(Adam):
    """SGD for the word vectors, Adam for the layers between them.

    Each is where it is at its best. Adam's steps are as long for a word that came once as for one that comes always,
    so that it learns rare words by heart; SGD's are not. But at the rate that word vectors need, SGD throws plain
    recurrent layers far off.

    Args:
        learning_rate: SGD's.
        adam_share: Adam's learning rate, as a share of SGD's: both follow one schedule.
        adam_paths: the paths of the variables that are Adam's.
        adam_places: their places among the variables, in place of their paths: what a built optimizer puts into its
            configuration, since a model that is loaded may have other paths. They count the models of a process.
        **options: of Keras's Adam.

    Raises:
        ValueError: as it is built, if none of the variables has one of the paths.

    Source: Kingma & Ba 2015 for Adam's step.

    Example:
        >>> vectors, kernel = keras.Variable(tf.ones(2), name="vectors"), keras.Variable(tf.ones(2), name="kernel")
        >>> optimizer = SGDAroundAdam(10.0, adam_share=0.01, adam_paths=["kernel"])
        >>> optimizer.build([vectors, kernel])
        >>> optimizer.apply([tf.constant([0.0, 0.01]), tf.constant([0.02, 0.01])])
        >>> [round(float(entry), 3) for entry in [*vectors.numpy(), *kernel.numpy()]]
        [1.0, 0.9, 0.9, 0.9]
    """

    def __init__(
        self,
        learning_rate: float,
        *,
        adam_share: float,
        adam_paths: Sequence[str],
        adam_places: Sequence[int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.adam_share = adam_share
        self.adam_paths = list(adam_paths)
        self.adam_places = None if adam_places is None else list(adam_places)

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        if self.adam_places is None:
            self.adam_places = _places(self.adam_paths, [one.path for one in variables])
        self.adam_paths = [variables[place].path for place in self.adam_places]
        keras.optimizers.Optimizer.build(self, variables)  # Adam's would keep moments of all word vectors as well
        self._momentums, self._velocities = (
            [
                self.add_variable_from_reference(variable, name) if place in self.adam_places else None
                for place, variable in enumerate(variables)
            ]
            for name in ("momentum", "velocity")
        )

    def update_step(self, gradient: Gradient, variable: keras.Variable, learning_rate: Any) -> None:
        if self._momentums[self._get_variable_index(variable)] is None:
            self.assign_sub(variable, keras.ops.multiply(gradient, learning_rate))
        else:
            super().update_step(gradient, variable, self.adam_share * learning_rate)

    def get_config(self) -> dict[str, Any]:
        own = {"adam_share": self.adam_share, "adam_paths": self.adam_paths, "adam_places": self.adam_places}
        return {**super().get_config(), **own}


def _places(wanted: Sequence[str], paths: Sequence[str]) -> list[int]:
    """Where the wanted paths are; if none is there, those that differ from them in Keras's numbers alone.

    >>> _places(["gru/gru_cell_1/kernel"], ["vectors", "gru/gru_cell_4/kernel"])
    [1]
    """
    places = [place for place, path in enumerate(paths) if path in wanted]
    if not places:
        unnumbered = {_NUMBER.sub("", path) for path in wanted}
        places = [place for place, path in enumerate(paths) if _NUMBER.sub("", path) in unnumbered]
    if wanted and not places:
        raise ValueError(f"adam_paths must be of the variables {', '.join(paths)}, but got {', '.join(wanted)}.")
    return places


def make_optimizer(training: TrainingConfig, layers: Sequence[keras.layers.Layer] = ()) -> keras.optimizers.Optimizer:
    """The optimizer, with the learning rates to start from, the clipping and the weight decay of `training`.

    Args:
        training: the recipe.
        layers: those that `recurrent_learning_rate` is for, built.

    >>> optimizer = make_optimizer(TrainingConfig(optimizer="adam", clipnorm=1.0, global_clipnorm=None))
    >>> type(optimizer).__name__, optimizer.clipnorm
    ('Adam', 1.0)
    """
    options: dict[str, Any] = {"weight_decay": training.weight_decay, **training.clipping}
    if training.recurrent_learning_rate is None:
        return _CLASSES[training.optimizer](training.rate, **options)
    return SGDAroundAdam(
        training.rate,
        adam_share=training.recurrent_learning_rate / training.rate,
        adam_paths=[variable.path for layer in layers for variable in layer.trainable_variables],
        **options,
    )


def takes_whole_rows(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether it merges the repeated rows of sparse gradients by itself, as those of this module do.

    >>> takes_whole_rows(Adam()), takes_whole_rows(keras.optimizers.Adam())
    (True, False)
    """
    return isinstance(getattr(optimizer, "inner_optimizer", optimizer), _WholeRows)


def batches_learnt(optimizer: keras.optimizers.Optimizer) -> keras.Variable:
    """How many batches an optimizer was given: with `gradient_accumulation_steps`, so many for each of its iterations.

    >>> optimizer = SGD(0.1, gradient_accumulation_steps=2)
    >>> weights = keras.Variable(tf.ones(2))
    >>> for _ in range(3):
    ...     optimizer.apply([tf.ones(2)], [weights])
    >>> int(optimizer.iterations), int(batches_learnt(optimizer))
    (1, 3)
    """
    # Keras keeps the undivided count to itself; a LossScaleOptimizer leaves the counting to the one inside.
    return getattr(optimizer, "inner_optimizer", optimizer)._iterations
