"""The best model of a run is kept; a run that no longer gets better ends."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from rnnzoo.atomic_files import atomic_folder
from rnnzoo.tuning.optimization.schedules import epochs_since_best
from rnnzoo.tuning.runs.run_progress import RunProgress

__all__ = ["KeepBestModel"]


class KeepBestModel(keras.callbacks.Callback):
    """Writes the model after each epoch with the best validation loss so far; stops early.

    Args:
        progress: how far the run is, as `TrackProgress` keeps it; must stand before this in the list of callbacks.
        folder: the model; it is replaced as a whole.
        save: writes a model into a folder.
        patience: the run ends after so many epochs in a row without a better validation loss; None, never.
    """

    def __init__(
        self, progress: RunProgress, folder: Path, save: Callable[[Any, Path], None], patience: int | None
    ) -> None:
        super().__init__()
        self.progress = progress
        self.folder = folder
        self.save = save
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        waited = epochs_since_best(self.progress.validation_losses)
        if waited == 0:
            with atomic_folder(self.folder) as folder:
                self.save(self.model, folder)
        elif self.patience is not None and waited >= self.patience:
            self.model.stop_training = True
