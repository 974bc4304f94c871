"""How far a run is: the epoch, the step in it, and what the epochs before came to."""

import csv
import io
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from rnnzoo.atomic_files import atomic_file
from rnnzoo.tuning.replicas import number_in

__all__ = ["RunProgress", "TrackProgress", "WriteLog"]


@dataclass
class RunProgress:
    """How far a run is.

    Attributes:
        epoch: the one being learnt, from 0.
        step: how many of its batches have been learnt.
        seconds: what these took.
        history: a row of logs for each epoch before.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def validation_losses(self) -> list[float]:
        return [row["val_loss"] for row in self.history]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class TrackProgress(keras.callbacks.Callback):
    """Keeps a `RunProgress` up to date; stands before all callbacks that read it.

    Args:
        progress: what to keep; that of a checkpoint where a run is resumed.
        amount: how much an epoch has to learn.
        unit: what the amount counts.
    """

    def __init__(self, progress: RunProgress, amount: int, unit: str = "words") -> None:
        super().__init__()
        self.progress = progress
        self.amount = amount
        self.unit = unit

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if epoch != self.progress.epoch:
            self.progress.epoch, self.progress.step, self.progress.seconds = epoch, 0, 0.0
        self._begin = time.perf_counter() - self.progress.seconds

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if batch < self.progress.step:  # skipped: it was learnt before the interruption
            self._begin = time.perf_counter() - self.progress.seconds
        else:
            self.progress.step = batch + 1
            self.progress.seconds = time.perf_counter() - self._begin

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        row: dict[str, float] = {"epoch": epoch + 1, **(logs or {})}
        row["learning_rate"] = number_in(self.model.optimizer.learning_rate)
        row["seconds"] = round(self.progress.seconds, 1)
        row[f"{self.unit}_per_second"] = round(self.amount / self.progress.seconds)
        self.progress.history.append(row)


class WriteLog(keras.callbacks.Callback):
    """Writes a run's log, a CSV file with a row for each epoch, anew after each epoch: no row is ever there twice.

    Args:
        progress: how far the run is, as `TrackProgress` keeps it.
        path: the file.
    """

    def __init__(self, progress: RunProgress, path: Path) -> None:
        super().__init__()
        self.progress = progress
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(self.progress.history[-1]))
        writer.writeheader()
        writer.writerows(self.progress.history)
        with atomic_file(self.path) as file:
            file.write(text.getvalue().encode())
