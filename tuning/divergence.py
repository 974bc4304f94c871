"""Training that blew up ends at once, with one line that says where and what to try."""

import math
from collections.abc import Mapping

import keras

from rnnzoo.tuning.replicas import number_in

__all__ = ["HaltOnDivergedValidation", "HaltOnDivergence", "TrainingDiverged"]


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
    """Raises `TrainingDiverged` as soon as the loss is NaN or infinite.

    What is to see the step that went wrong must stand before it.
    """

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        _check("loss", logs or {}, self.model, self._epoch)


class HaltOnDivergedValidation(keras.callbacks.Callback):
    """Raises `TrainingDiverged` after an epoch whose validation loss is NaN or infinite.

    What keeps a model, or a history, of good epochs must stand behind it.
    """

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        _check("val_loss", logs or {}, self.model, epoch)


def _check(name: str, logs: Mapping[str, float], model: keras.Model, epoch: int) -> None:
    if not math.isfinite(logs.get(name, 0.0)):
        step = int(number_in(model.optimizer.iterations))
        raise TrainingDiverged(f"{name} was {logs[name]}", step, epoch + 1)
