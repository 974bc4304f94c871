"""Training that blew up ends at once, with one line that says where and what to try."""

import math
from collections.abc import Mapping

import keras

from rnnzoo.tuning.replicas import number_in

__all__ = ["HaltOnDivergedValidation", "HaltOnDivergence", "TrainingDiverged"]

# In nats: past it a perplexity is no float32 any more.
_HOPELESS = 88.7


class TrainingDiverged(ArithmeticError):  # noqa: N818 it reads as what happened
    """The loss or a weight is no finite number any more, or the loss is far beyond that of a guess.

    Attributes:
        happened: what was seen, and where.
        step: the step of all epochs, from 1, at which it was seen.
        has_model: whether the model of an epoch before was kept; None where nobody keeps one.
    """

    def __init__(self, what: str, step: int, epoch: int) -> None:
        self.happened = f"Training diverged: {what} at step {step} (epoch {epoch})."
        self.step = step
        self.has_model: bool | None = None
        super().__init__(self.happened)

    def __str__(self) -> str:
        return f"{self.report} Try a lower learning rate, or clip gradients harder (global_clipnorm)."

    @property
    def report(self) -> str:
        """What happened and what is left of the training, without advice."""
        left = {None: "", True: " The best model of the epochs before was kept.", False: " No epoch left a model."}
        return self.happened + left[self.has_model]


class HaltOnDivergence(keras.callbacks.Callback):
    """Raises `TrainingDiverged` as soon as the loss is NaN or infinite.

    What is to see the step that went wrong must stand before it.
    """

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        _check("loss", logs or {}, self.model, self._epoch)


class HaltOnDivergedValidation(keras.callbacks.Callback):
    """Raises `TrainingDiverged` after an epoch whose validation loss is NaN, infinite, or beyond hope.

    What keeps a model, or a history, of good epochs must stand behind it.

    Args:
        bound: where the loss of the whole epoch and that of the validation are both above it, training diverged. Both,
            because a network that starts badly has a good validation in the end, and one that has learnt a small text
            by heart is bad at the validation alone, unless its perplexity is beyond float32, which nothing but
            divergence explains. None (default) lets all finite losses pass.
    """

    def __init__(self, bound: float | None = None) -> None:
        super().__init__()
        self.bound = bound

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = logs or {}
        _check("val_loss", logs, self.model, epoch)
        if self.bound is None or "val_loss" not in logs:
            return
        lower = min(logs["val_loss"], logs.get("loss", math.inf))
        if lower > self.bound or logs["val_loss"] > max(self.bound, _HOPELESS):
            limit = self.bound if lower > self.bound else _HOPELESS
            _raise(f"val_loss was {logs['val_loss']:.4g}, above {limit:.4g},", self.model, epoch)


def _check(name: str, logs: Mapping[str, float], model: keras.Model, epoch: int) -> None:
    if not math.isfinite(logs.get(name, 0.0)):
        _raise(f"{name} was {logs[name]}", model, epoch)


def _raise(what: str, model: keras.Model, epoch: int) -> None:
    raise TrainingDiverged(what, int(number_in(model.optimizer.iterations)), epoch + 1)
