"""An interrupted trial goes on after its last epoch: its exact state, saved and put back, whatever model it trains."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from rnnzoo.tuning.runs.checkpoints import Checkpoint, CheckpointError, read_checkpoint, write_checkpoint
from rnnzoo.tuning.runs.resuming import restore_state, take_state
from rnnzoo.tuning.search.trial_course import TrialCourse
from rnnzoo.tuning.search.trial_folder import TrialFolder

__all__ = ["ContinueTrial", "SaveTrialState", "StateError", "interrupted_state"]

_LOSSES = "losses"  # of each step, among the arrays


class StateError(Exception):
    """A state from which a trial cannot go on after all: it begins anew."""


def interrupted_state(folder: TrialFolder, values: Mapping[str, Any]) -> Checkpoint | None:
    """The state that a trial with these values was interrupted in; None if there is none, or none that can be read."""
    try:
        checkpoint = read_checkpoint(folder.state)
    except (OSError, CheckpointError):
        return None
    return checkpoint if checkpoint.facts["values"] == dict(values) else None


class ContinueTrial(keras.callbacks.Callback):
    """Puts back the state of an interrupted trial as `fit` begins; stands in front of all other callbacks.

    Args:
        checkpoint: the state.
        course: the trial's, which is put back, too.

    Attributes:
        epoch: the epoch to go on with, the `initial_epoch` of `fit`.
        history: a row of logs for each epoch before.

    Raises:
        StateError: as training begins, if the state is of another model; as it begins for a second time, for the
            `initial_epoch` was meant for the first.
    """

    def __init__(self, checkpoint: Checkpoint, course: TrialCourse) -> None:
        super().__init__()
        facts = checkpoint.facts
        self.epoch: int = facts["epoch"]
        self.history: list[dict[str, Any]] = facts["history"]
        self._arrays = {name: array for name, array in checkpoint.arrays.items() if name != _LOSSES}
        self._build_config: dict[str, Any] = facts["build"]
        self._untrained: Mapping[str, Any] | None = None
        self._begun = False
        course.begin, course.seconds_before = facts["begin"], facts["seconds"]
        course.losses = checkpoint.arrays[_LOSSES].tolist()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._begun:
            if self.history:
                raise StateError("a trial goes on only if it trains once, but its training begins for a second time.")
            return
        self._begun = True
        # Before the first epoch begins, whose callbacks may reset what has to begin anew with an epoch.
        if not self.model.built:
            self.model.build_from_config(self._build_config)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self._untrained = take_state(self.model, metrics=False)
        try:
            restore_state(self.model, self._arrays, metrics=False)
        except CheckpointError as error:
            raise StateError(str(error)) from error

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._untrained is not None and epoch != self.epoch:
            # A `fit` that knows no initial_epoch begins anew, and so do we.
            restore_state(self.model, self._untrained, metrics=False)
            self.history.clear()
        self._untrained = None


class SaveTrialState(keras.callbacks.Callback):
    """Saves a trial's state after each epoch but the last; stands behind all other callbacks.

    Once a trial trains for a second time it has no state: nothing tells what came before.

    Args:
        course: the trial's.
        values: its hyperparameters.
        continued: what put back an earlier state, if anything did.
    """

    def __init__(self, course: TrialCourse, values: Mapping[str, Any], continued: ContinueTrial | None) -> None:
        super().__init__()
        self.course = course
        self.values = dict(values)
        self.continued = continued
        self._rows: list[dict[str, Any]] = []
        self._trainings = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._trainings += 1
        if self._trainings > 1:
            self.course.folder.state.unlink(missing_ok=True)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._rows.append({name: np.asarray(value).tolist() for name, value in (logs or {}).items()})
        is_last = getattr(self.model, "stop_training", False) or epoch + 1 >= self.params["epochs"]
        is_compiled = getattr(self.model, "compiled", False)  # uncompiled, it is trained by a loop of its own
        if is_last or not is_compiled or self._trainings > 1:
            return
        facts = {
            "epoch": epoch + 1,
            "values": self.values,
            "build": self.model.get_build_config(),
            "history": [*(self.continued.history if self.continued is not None else ()), *self._rows],
            "begin": self.course.begin,
            "seconds": self.course.seconds,
        }
        arrays = {**take_state(self.model, metrics=False), _LOSSES: np.array(self.course.losses, np.float64)}
        write_checkpoint(self.course.folder.state, Checkpoint(facts, arrays))
