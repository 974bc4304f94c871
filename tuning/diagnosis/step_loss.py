"""The loss of each training step alone."""

from collections.abc import Mapping
from typing import Any

import keras

from rnnzoo.tuning.replicas import number_in

__all__ = ["StepLoss"]


class StepLoss:
    """Reads the loss of each step. Keras logs the mean over the epoch so far, whose parts the metric itself knows."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """An epoch begins."""
        self._batch, self._total, self._count = -1, 0.0, 0.0

    def read(self, model: keras.Model, batch: int, logs: Mapping[str, Any]) -> tuple[int, float | None]:
        """How many steps there were since the last call, and their mean loss."""
        steps, self._batch = batch - self._batch, batch
        step_total = step_count = 0.0
        for metric in model.metrics:
            if metric.name == "loss" and isinstance(metric, keras.metrics.Mean):
                total, count = number_in(metric.total), number_in(metric.count)
                step_total, step_count = total - self._total, count - self._count
                self._total, self._count = total, count
                break
        if step_count:
            return steps, step_total / step_count
        return steps, float(logs["loss"]) if "loss" in logs else None  # of a train step that keeps no mean
