"""Ends a trial that diverged."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner
import numpy as np

from rnnzoo.tuning.diagnosis.step_loss import StepLoss
from rnnzoo.tuning.search.divergence import Divergence, DivergenceError

__all__ = ["DivergenceGuard", "examine", "means"]


class DivergenceGuard(keras.callbacks.Callback):
    """Raises `DivergenceError` in the step, or at the end of the epoch, in which a trial is lost.

    Args:
        divergence: what counts.
        objective: the search's.
        first_epoch: the epoch from which progress counts, where that is before the one that `fit` begins with, for the
            trial was interrupted; None (default), that one.
        execution, executions: which one of the trial's trainings this is, from 0, and how many there are.
        step_loss: reads the loss of each step, for others as well; None (default), one of its own.
    """

    def __init__(
        self,
        divergence: Divergence,
        objective: keras_tuner.Objective,
        first_epoch: int | None = None,
        *,
        execution: int = 0,
        executions: int = 1,
        step_loss: StepLoss | None = None,
    ) -> None:
        super().__init__()
        self.divergence = divergence
        self.objective = objective
        self.first_epoch = first_epoch
        self.execution = execution
        self.executions = executions
        self._first_epoch: int | None = None
        self._epoch = 0
        self._steps_above = 0
        self._step_loss = step_loss or StepLoss()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._first_epoch = None
        self._steps_above = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._first_epoch is None:
            self._first_epoch = epoch if self.first_epoch is None else min(epoch, self.first_epoch)
        self._epoch = epoch
        self._step_loss.restart()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs, divergence = logs or {}, self.divergence
        symptom = divergence.broken(logs, self.objective)
        steps, loss = self._step_loss.read(self.model, batch, logs)
        if loss is not None:
            self._steps_above = self._steps_above + steps if loss > divergence.bound else 0
        if symptom is None and self._steps_above >= divergence.steps:
            symptom = f"loss is {loss:.4g}, above {divergence.bound:.4g} for {self._steps_above} steps"
        planned = self.params.get("steps")  # None in the first epoch of data of unknown size
        share = (batch + 1) / planned if planned else 0.0
        _raise_for(symptom, f"in epoch {self._epoch + 1}, step {batch + 1}", self._progress(share))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        symptom = self.divergence.symptom(logs or {}, self.objective)
        _raise_for(symptom, f"after epoch {epoch + 1}", self._progress(1.0))

    def _progress(self, share_of_epoch: float) -> float:
        first = self._first_epoch or 0
        planned = self.params.get("epochs", self._epoch + 1) - first
        return (self.execution + min(1.0, (self._epoch - first + share_of_epoch) / planned)) / self.executions


def examine(results: Any, divergence: Divergence, objective: keras_tuner.Objective) -> None:
    """Raise `DivergenceError` if what a trial returned is not healthy, whichever callbacks it left out.

    Args:
        results: what `HyperModel.fit` may return: a History, a dictionary, a number, or a list of these. Of several
            values of a dictionary, such as those of a `History.history`, KerasTuner scores the mean, so that counts.
        divergence: what counts.
        objective: the search's.
    """
    if isinstance(results, list):
        for result in results:
            examine(result, divergence, objective)
    elif isinstance(results, keras.callbacks.History):
        epochs = len(results.epoch)
        for epoch in range(epochs):
            logs = {name: values[epoch] for name, values in results.history.items() if epoch < len(values)}
            _raise_for(divergence.symptom(logs, objective), f"after epoch {epoch + 1}", (epoch + 1) / epochs)
    elif results is not None:
        logs = means(results if isinstance(results, dict) else {objective.name: results})
        _raise_for(divergence.symptom(logs, objective), "in the end", 0.0)  # when it happened, nobody knows


def means(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Each metric as KerasTuner sees it, which takes the mean where there are several values.

    >>> means({"val_loss": [2.0, 1.0], "val_accuracy": 0.5})
    {'val_loss': 1.5, 'val_accuracy': 0.5}
    """
    return {name: float(np.mean(value)) for name, value in metrics.items()}


def _raise_for(symptom: str | None, moment: str, progress: float) -> None:
    if symptom is not None:
        raise DivergenceError(f"{symptom} {moment}", progress)
