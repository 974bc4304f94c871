"""What a person sees while a network learns."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from rnnzoo.tuning.optimization.schedules import epochs_since_best
from rnnzoo.tuning.runs.run_progress import RunProgress
from rnnzoo.tuning.task import Task

__all__ = ["ProgressBar"]


class ProgressBar(keras.callbacks.Callback):
    """A bar for the epoch, with the measure so far and the speed, and a line for each epoch done.

    Used as a context manager around `fit`, it gives the terminal back whatever happens. Where the output is no
    terminal, only the lines are written.

    Args:
        progress: how far the run is, as `TrackProgress` keeps it.
        task: what is learnt.
        console: where to write.
    """

    def __init__(self, progress: RunProgress, task: Task, console: Console) -> None:
        super().__init__()
        self.progress = progress
        self.task = task
        self.console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[measures]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.console.is_terminal:  # elsewhere it would write an empty line
            self._bar.stop()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        description = f"epoch {epoch + 1}/{self.params['epochs']}"
        self._begin(description, self.params["steps"])

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._update(batch + 1, self._measures(logs or {}))

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._begin("validation", None)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._update(batch + 1, self._measured(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        row = self.progress.history[-1]
        best = " (best)" if epochs_since_best(self.progress.validation_losses) == 0 else ""
        self.console.print(
            f"epoch {epoch + 1}/{self.params['epochs']}: {self._measured(row)}, "
            f"validation {_short(row[f'val_{self.task.measure}'])}{best}, learning rate {row['learning_rate']:.3g}, "
            f"{row[f'{self.task.unit}_per_second']:,.0f} {self.task.unit}/s",
            highlight=False,
            soft_wrap=True,
        )

    def _measures(self, logs: Mapping[str, float]) -> str:
        if not logs:
            return "already learnt"
        speed = self.task.amount * self.progress.step / self.params["steps"] / self.progress.seconds
        return f"{self._measured(logs)}{_watched(logs)}, {speed:,.0f} {self.task.unit}/s"

    def _measured(self, logs: Mapping[str, float]) -> str:
        return f"{self.task.measure} {_short(logs[self.task.measure])}"

    def _begin(self, description: str, steps: int | None) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(description, total=steps, measures="")

    def _update(self, steps: int, measures: str) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=steps, measures=measures)


def _watched(logs: Mapping[str, float]) -> str:
    """What `GradientHealth` adds to the logs, where it stands before the bar."""
    if "gradient_norm" not in logs:
        return ""
    clipped = f" ({logs['clipped']:.0%} clipped)" if "clipped" in logs else ""
    return f", gradient norm {_short(logs['gradient_norm'])}{clipped}"


def _short(number: float) -> str:
    """Four digits, as `8.211e-05`, `0.1667`, `82.11`, `8211`."""
    return f"{number:.4g}"
