"""Training that blew up ends at once, with one line that says where and what to try."""

import math
from collections.abc import Mapping

import keras

from rnnzoo.tuning.replicas import number_in

__all__ = ["HaltOnDivergence", "TrainingDiverged"]


class TrainingDiverged(ArithmeticError):  # noqa: N818 it reads as what happened
    """The loss or a weight is no finite number any more.

    Attributes:
        step: the step of all epochs, from 1, at which it was seen.
    """

    def __init__(self, what: str, step: int, epoch: int) -> None:
        super().__init__(
            f"Training diverged: {what} at step {step} (epoch {epoch}). The last good model and checkpoint were kept. "
            "Try a lower learning rate, or clip gradients harder (global_clipnorm)."
        )
        self.step = step


class HaltOnDivergence(keras.callbacks.Callback):
    """Raises `TrainingDiverged` as soon as the loss is NaN or infinite."""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self._check("loss", logs or {})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._check("val_loss", logs or {})

    def _check(self, name: str, logs: Mapping[str, float]) -> None:
        if not math.isfinite(logs.get(name, 0.0)):
            step = int(number_in(self.model.optimizer.iterations))
            raise TrainingDiverged(f"{name} was {logs[name]}", step, self._epoch + 1)
