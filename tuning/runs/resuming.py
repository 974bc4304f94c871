"""The exact state of a training run: taken, saved along the way, and put back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from rnnzoo.tuning.divergence import TrainingDiverged
from rnnzoo.tuning.replicas import number_in
from rnnzoo.tuning.runs.checkpoints import Checkpoint, CheckpointError, write_checkpoint
from rnnzoo.tuning.runs.interruption import Interruption
from rnnzoo.tuning.runs.run_progress import RunProgress

__all__ = ["RestoreState", "SaveCheckpoints", "restore_state", "take_state"]

Arrays = dict[str, npt.NDArray[Any]]


def take_state(trainer: keras.Model, metrics: bool = True) -> Arrays:
    """The values of all variables of a compiled model: weights, carried states, seed generators, optimizer, metrics.

    Args:
        trainer: the model.
        metrics: whether to take what the epoch has measured so far; between two epochs nobody needs it.
    """
    return {name: np.asarray(variable.numpy()) for name, variable in _variables(trainer, metrics).items()}


def restore_state(trainer: keras.Model, arrays: Mapping[str, npt.NDArray[Any]], metrics: bool = True) -> None:
    """Give all variables of a compiled model the values that `take_state` took.

    Args:
        trainer: the model.
        arrays: what `take_state` took.
        metrics: as there.

    Raises:
        CheckpointError: if the model has other variables than the one that the values come from.
    """
    variables = _variables(trainer, metrics)
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    saved_shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != saved_shapes:
        differing = sorted(name for name in {**shapes, **saved_shapes} if shapes.get(name) != saved_shapes.get(name))
        raise CheckpointError(
            "a checkpoint must hold the variables of the model that it is for, "
            f"but it differs in {len(differing)} of {len(variables)}, first in {differing[0]}: the model has "
            f"{shapes.get(differing[0])}, the checkpoint {saved_shapes.get(differing[0])}."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


class RestoreState(keras.callbacks.Callback):
    """Puts back a taken state when `fit` begins its first epoch, after Keras has reset metrics and carried states."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        super().__init__()
        self._arrays: Mapping[str, npt.NDArray[Any]] | None = arrays

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self._arrays is not None:
            restore_state(self.model, self._arrays)
            self._arrays = None


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves the exact state every so many steps, after an epoch's last step, and when the process is asked to end.

    Args:
        path: the checkpoint file; each replaces the one before.
        progress: how far the run is, as `TrackProgress` keeps it; must stand before this in the list of callbacks.
        every: steps between two checkpoints.
        interruption: the signal to end, if it came.
    """

    def __init__(self, path: Path, progress: RunProgress, every: int, interruption: Interruption) -> None:
        super().__init__()
        self.path = path
        self.progress = progress
        self.every = every
        self.interruption = interruption

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        is_new = batch + 1 == self.progress.step
        is_due = self.progress.step % self.every == 0 or self.progress.step == self.params["steps"]
        if is_new and (is_due or self.interruption.signal):
            self.save()
        if self.interruption.signal:
            self.interruption.act()

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.interruption.signal:  # the epoch's last step was saved: resuming begins with the validation
            self.interruption.act()

    def save(self) -> None:
        for variable in self.model.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                what, step = f"{variable.path} was not finite", int(number_in(self.model.optimizer.iterations))
                raise TrainingDiverged(what, step, self.progress.epoch + 1)
        write_checkpoint(self.path, Checkpoint(self.progress.as_dict(), take_state(self.model)))


def _variables(trainer: keras.Model, metrics: bool) -> dict[str, keras.Variable]:
    """Named by their place: Keras's names for equal layers differ, as it numbers all layers of a process."""
    owners = {"model": trainer.variables, "optimizer": trainer.optimizer.variables}
    if metrics:
        owners["metric"] = [variable for metric in trainer.metrics for variable in metric.variables]
    return {
        f"{owner} {index}": variable for owner, variables in owners.items() for index, variable in enumerate(variables)
    }
