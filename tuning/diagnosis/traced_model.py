"""One pass back through any Keras model, with the gradient of every step of its recurrent layers kept."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.tuning.diagnosis.cell_steps import cell_step
from rnnzoo.tuning.diagnosis.layers_of_models import recurrent_layers_of
from rnnzoo.tuning.diagnosis.measured_copy import measured_copy
from rnnzoo.tuning.diagnosis.recorded_loop import Recording, recorded_loop
from rnnzoo.tuning.diagnosis.single_losses import Loss, check_targets, numbers_per_row, single_losses, words_told_apart

__all__ = ["TracedModel"]

# How many numbers a pass may keep for all its steps: half a gigabyte of them. Of each step and unit it keeps about 16.
_NUMBERS_PER_PASS, _NUMBERS_PER_UNIT = 2**26, 16


class TracedModel:
    """Runs a copy of a model on rows, one single loss a row, and back. The model itself is left as it is.

    Args:
        model: a Keras model whose recurrent layers all read the rows' steps in their order.
        example: a row of inputs (1, time, …).
        loss: see `single_losses`.

    Attributes:
        layers: the recurrent layers of the copy, lowest first.
        steps: the step of each.

    Raises:
        ValueError: if it has no recurrent layer, or one that reads backwards, or cannot be copied.
    """

    def __init__(self, model: keras.Model, example: npt.NDArray[Any], loss: Loss | None = None) -> None:
        self.model = measured_copy(model, example)
        self.layers = recurrent_layers_of(self.model)
        if not self.layers:
            raise ValueError(f"the model must have a recurrent layer, but {model.name} has none.")
        for layer in self.layers:
            if layer.go_backwards:
                raise ValueError(f"recurrent layers must read forwards, but {layer.name} reads backwards.")
        # Made here and not while a graph is traced, so that the weights are constants of the graph.
        self.steps = [cell_step(layer.cell) for layer in self.layers]
        numbers = numbers_per_row(self.model, example)
        numbers += _NUMBERS_PER_UNIT * example.shape[1] * sum(step.units for step in self.steps)
        # The weights of an unknown cell cannot be copied for every row, so that it takes one row at a time.
        self._most_rows = 1 if any(step.one_row for step in self.steps) else max(1, _NUMBERS_PER_PASS // numbers)
        self._words = words_told_apart(self.model, example) if loss is None else None
        self._row_losses = single_losses(self.model, example, loss)
        for index, layer in enumerate(self.layers):
            layer.inner_loop = partial(self._inner_loop, index)
        self._anchors: list[tf.Tensor] = []
        self._recordings: dict[int, Recording] = {}
        self._graph = tf.function(self._run, autograph=False)  # so that errors are those of the line that raised them

    def run(self, inputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> Iterator[tuple[tf.Tensor, list[Recording]]]:
        """For some rows after the other: their losses, and the recording of each layer.

        All passes have equally many rows, the last one has the last row again to fill up; its losses tell how many
        rows count.

        Raises:
            ValueError: if targets are no words that the model tells apart, and its loss was not given.
        """
        if self._words is not None:
            check_targets(targets, self._words)
        total = len(inputs)
        passes = -(-total // self._most_rows)
        rows = -(-total // passes)
        graph: Any = None
        for start in range(0, total, rows):
            chosen = np.minimum(np.arange(start, start + rows), total - 1)
            arguments = tf.constant(inputs[chosen]), tf.constant(targets[chosen])
            # Traced by hand: TensorFlow would warn whoever measures one model after the other of frequent tracing.
            graph = graph or self._graph.get_concrete_function(*arguments)
            losses, recordings = graph(*arguments)
            yield losses[: total - start], recordings

    def _run(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, list[Recording]]:
        self._recordings = {}
        self._anchors = [tf.zeros((), tf.float64) for _ in self.layers]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._anchors)
            losses = self._row_losses(self.model, inputs, targets)
            total = tf.reduce_sum(losses)  # a row's state moves its own loss alone
        tape.gradient(total, self._anchors)
        for index, layer in enumerate(self.layers):
            if index not in self._recordings:
                raise ValueError(f"every recurrent layer must act on the loss, but {layer.name} does not.")
        return losses, [self._recordings[index] for index in range(len(self.layers))]

    def _record(self, index: int, recording: Recording) -> None:
        if index in self._recordings:
            raise ValueError(f"a recurrent layer must run once, but {self.layers[index].name} ran more often.")
        self._recordings[index] = recording

    def _inner_loop(
        self,
        index: int,
        sequences: tf.Tensor,  # (b, t, features)
        initial_state: Sequence[tf.Tensor],
        mask: Any = None,  # (b, t)
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """What takes the place of `keras.layers.RNN.inner_loop`."""
        masks = [mask for mask in keras.tree.flatten(mask) if mask is not None]
        mask = tf.transpose(tf.cast(masks[0], tf.bool))[..., tf.newaxis] if masks else None  # (t, b, 1)
        hidden, states = recorded_loop(
            self.steps[index],
            tf.transpose(sequences, (1, 0, 2)),
            initial_state,
            mask,
            self._anchors[index],
            partial(self._record, index),
        )
        if mask is not None:  # Keras's rule: a masked step repeats the output before it, or is zero
            shown = mask if self.layers[index].zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32)) > 0
            hidden = tf.where(shown, hidden, tf.zeros_like(hidden))
        return hidden[-1], tf.transpose(hidden, (1, 0, 2)), list(states)
