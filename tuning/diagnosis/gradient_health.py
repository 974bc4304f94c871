"""The signs of a network's health while it learns, as a Keras callback."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnzoo.models.arguments import whole
from rnnzoo.tuning.diagnosis.signs import LayerSigns, NonFinite, Sample, Signs, VariableSigns
from rnnzoo.tuning.diagnosis.signs_board import SignsBoard
from rnnzoo.tuning.diagnosis.signs_file import SignsFile, read_signs
from rnnzoo.tuning.diagnosis.step_loss import StepLoss
from rnnzoo.tuning.diagnosis.train_step_probe import Look, TrainStepProbe, optimizers_of
from rnnzoo.tuning.optimization.optimizers import batches_learnt
from rnnzoo.tuning.replicas import number_in

__all__ = ["GradientHealth"]


class GradientHealth(keras.callbacks.Callback):
    """Watches gradients, updates, recurrent states and the loss of any Keras model while `fit` trains it.

    In sampled steps, for each variable: the norm of its gradient before and after clipping, the ratio of the step's
    update to the weight, values that are not finite; for each recurrent layer: the shares of dead and of saturated
    units. In every step: the loss of that step alone, which tells stagnation, oscillation and divergence apart.

    Training goes on exactly as it would without: under equal seeds the weights are equal to the bit, with and without
    XLA. How a callback sees the gradients of a compiled step: in a sampled step it stands in for the model's
    `train_function` just once, takes the next batch out of the iterator, has a `TrainStepProbe` run the model's own
    `train_step` on it in a program of its own, in which nothing is applied and of which nothing remains, and then hands
    the batch to the real train function, as an iterator of the same kind, so that the very same compiled program runs.
    A sampled step costs about as much as three or four, the others a fraction of a millisecond more; the program aside
    is traced once. It works for models with a `train_step` of their own, for `steps_per_execution` (of several steps in
    one call the first is looked at), for `gradient_accumulation_steps` (steps that update are looked at), for stateful
    layers, for mixed precision. A `train_step` that runs eagerly must be one that TensorFlow can trace.

    Resumed training counts on where the optimizer is, and what `csv` holds of later steps is dropped: all of it, if the
    optimizer has learnt nothing yet. Every further `fit` of the same model with the same callback counts on where the
    one before ended, also with a new optimizer.

    Args:
        every: steps between two samples; 100, which costs a few percent of the time. The first steps, in which most
            goes wrong that goes wrong early, are sampled as well: number 1, 2, 4, 8, … below `every`. A model that is
            not built before its first step is sampled from the second on.
        csv: a file for all numbers, see `SignsFile`; those of a step are in it as soon as the step is over.
        tensorboard: a folder for TensorBoard.
        progress: show the gradient's norm and the share of clipped steps in the progress line.

    Attributes:
        signs: what was seen, a `Signs`; begins anew with every `fit`, but goes on where `csv` holds earlier steps.

    Raises:
        OSError: as training begins, if `csv` cannot be written to.
        ValueError: as training begins, if it is spread over several devices; at the first sample, if the train step
            applies no gradient by a Keras optimizer, or is one that must run eagerly.

    Example:
        >>> layers = [keras.layers.Input((5, 2)), keras.layers.SimpleRNN(4), keras.layers.Dense(1)]
        >>> model = keras.Sequential(layers)
        >>> model.compile(keras.optimizers.SGD(0.1, global_clipnorm=1e-3), loss="mse")
        >>> health = GradientHealth()
        >>> history = model.fit(np.ones((8, 5, 2)), np.ones(8), batch_size=2, verbose=0, callbacks=[health])
        >>> [sample.step for sample in health.signs.samples], health.signs.clipped_share
        ([1, 2, 4], 1.0)
        >>> round(health.signs.samples[0].clipped_norm, 6)
        0.001
    """

    def __init__(
        self,
        every: int = 100,
        *,
        csv: os.PathLike[str] | str | None = None,
        tensorboard: os.PathLike[str] | str | None = None,
        progress: bool = True,
    ) -> None:
        super().__init__()
        self.every = whole("every", every, least=1)
        self.progress = progress
        self.signs = Signs()
        self._csv = None if csv is None else Path(csv)
        self._tensorboard = None if tensorboard is None else Path(tensorboard)
        self._file: SignsFile | None = None
        self._board: SignsBoard | None = None
        self._probe: TrainStepProbe | None = None
        self._probed_function: Any = None
        self._look: Look | None = None
        self._watched: keras.Model | None = None
        self._optimizers: list[keras.optimizers.Optimizer] = []
        self._begun = False  # this fit's first step
        self._step = self._learnt = 0
        self._loss = StepLoss()

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        strategy = type(self.model.distribute_strategy).__name__
        if self.model.distribute_strategy is not tf.distribute.get_strategy() or tf.distribute.has_strategy():
            raise ValueError(f"GradientHealth watches training on one device, but it was to run under {strategy}.")
        self.signs, self._begun, self._look = Signs(), False, None
        self._file = None if self._csv is None else SignsFile(self._csv)
        self._board = None if self._tensorboard is None else SignsBoard(self._tensorboard)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._loss.restart()

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if getattr(self.model, "batches_to_skip", 0):
            return
        if not self._begun:
            self._begin()
        is_built = self.model.built and self.model.trainable_variables  # else its first step is yet to build it
        if is_built and any(self._is_due(step) for step in self._steps_to_look_at()):
            self._stand_in()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        steps, loss = self._loss.read(self.model, batch, logs)
        if not self._begun:  # the batch was learnt before an interruption
            return
        first = self._step + 1
        self._step += steps
        self._learnt = _batches_learnt(self._optimizers)
        if self._learnt != self._step:
            self.signs.learnt[self._step] = self._learnt
        if loss is not None:
            self.signs.losses[self._step] = loss
        if self._look is not None:
            self._take_sample(first, self._look)
            self._look = None
        if self._file is not None:  # now: Keras calls nobody when training ends by an error
            self._file.add(self.signs, self._step)
        if loss is not None and not math.isfinite(loss) and self.signs.first_non_finite is None:
            self.signs.first_non_finite = self._non_finite_with_the_loss()
        if self.progress and self.signs.samples:
            logs["gradient_norm"] = self.signs.samples[-1].gradient_norm
            if self.signs.clipped_share is not None:
                logs["clipped"] = self.signs.clipped_share

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        if self._board is not None:
            self._board.close()

    def _begin(self) -> None:
        """Find out how many steps were made before, which is only known once a resumed state is in its place."""
        optimizers = optimizers_of(self.model)
        learnt, has_same = _batches_learnt(optimizers), optimizers == self._optimizers
        if self._watched is not self.model or (has_same and learnt < self._learnt):
            self._step = (Signs() if self._file is None else read_signs(self._file.path)).step_after(learnt)
        elif has_same:
            self._step += learnt - self._learnt  # those that others were told of
        self._watched, self._optimizers, self._learnt, self._begun = self.model, optimizers, learnt, True
        if self._file is not None:
            self.signs = self._file.begin(self._step)

    def _steps_to_look_at(self) -> range:
        """Those of the next call; where gradients are added up, those that its update is made of, if it makes one."""
        first, often = self._step + 1, self.model.steps_per_execution
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        added = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        if often > 1 or added == 1:
            return range(first, first + often)
        return range(max(1, first + 1 - added), first + 1) if (self._learnt + 1) % added == 0 else range(0)

    def _is_due(self, step: int) -> bool:
        return step % self.every == 0 or (step < self.every and step & (step - 1) == 0)

    def _stand_in(self) -> None:
        """Let the next call of the model's train function, and that one only, pass through here."""
        learn = self.model.train_function

        def look_and_learn(iterator: tf.data.Iterator) -> Any:
            self.model.train_function = learn
            spec = iterator.element_spec
            batches = [next(iterator)]
            while len(batches) < self.model.steps_per_execution:
                batch = next(iterator, None)
                if batch is None:
                    break
                batches.append(batch)
            if self._probe is None or self._probed_function is not learn:
                self._probe, self._probed_function = TrainStepProbe(self.model, spec), learn
            self._look = self._probe.look(batches[0])
            return learn(_iterator_over(batches, spec))

        self.model.train_function = look_and_learn

    def _take_sample(self, step: int, look: Look) -> None:
        assert self._probe is not None
        changes = look.changes.tolist()
        variables = {
            name: VariableSigns(
                gradient_norm=norm if math.isnan(clipped) else updating_norm,
                clipped_norm=clipped_norm,
                clipped=clipped,
                weight_norm=change[0],
                update_ratio=math.nan if math.isnan(clipped) else change[1],
                bad_gradients=bad_gradients,
                bad_weights=change[2],
            )
            for name, (norm, bad_gradients), (updating_norm, clipped_norm, clipped), change in zip(
                _names(self._probe.variables), look.gradients.tolist(), look.clippings.tolist(), changes, strict=True
            )
            if not math.isnan(bad_gradients)  # else the step applied no gradient to it
        }
        layers = {
            name: LayerSigns(dead=dead, saturated=saturated, largest=largest)
            for name, (dead, saturated, largest) in zip(_names(self._probe.layers), look.states.tolist(), strict=True)
            if not math.isnan(dead)  # else the step did not run it
        }
        sample = Sample(step=step, variables=variables, layers=layers)
        self.signs.notice(sample)
        if self._board is not None:
            self._board.add(sample)

    def _non_finite_with_the_loss(self) -> NonFinite:
        weights = self.model.trainable_variables
        bad = [
            name for name, weight in zip(_names(weights), weights, strict=True) if not np.isfinite(weight.numpy()).all()
        ]
        if bad:
            return NonFinite(what="weight", name=bad[0], step=self._step, others=len(bad) - 1)
        return NonFinite(what="loss", name="the loss", step=self._step)


def _batches_learnt(optimizers: Sequence[keras.optimizers.Optimizer]) -> int:
    return max((int(number_in(batches_learnt(optimizer))) for optimizer in optimizers), default=0)


def _iterator_over(batches: list[Any], spec: Any) -> Any:
    """An iterator that a traced function cannot tell from the one that the batches come from."""
    dataset = tf.data.Dataset.from_tensors(batches[0])
    for batch in batches[1:]:
        dataset = dataset.concatenate(tf.data.Dataset.from_tensors(batch))
    variant = tf.data.experimental.to_variant(dataset)
    return iter(tf.data.experimental.from_variant(variant, spec))


def _names(owners: list[Any]) -> list[str]:
    """Keras's paths, numbered where several are equal."""
    names: list[str] = []
    for owner in owners:
        same = sum(name.split("#")[0] == owner.path for name in names)
        names.append(f"{owner.path}#{same + 1}" if same else owner.path)
    return names
