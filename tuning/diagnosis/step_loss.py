"""The loss of each training step alone."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from rnnzoo.tuning.replicas import number_in

__all__ = ["StepLoss"]

_CERTAIN = 512  # spacings of a sum that a step must add to it, so that rounding takes no thousandth of the step


class StepLoss:
    """Reads the loss of each step. Keras logs the mean over the epoch so far, whose parts the metric itself knows.

    A step's loss is what the metric's sum has grown by, unless that is lost in the rounding of the sum, beside one loss
    of 1e9 or ten thousand others. Such a loss is unknown, and from then on the metric sums each step apart, unseen: the
    logs and the epoch's mean stay what they would have been.

    Who else asks for the same step is told the same: several may share one reader.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """An epoch begins."""
        self._batch, self._total, self._count = -1, 0.0, 0.0
        self._told: tuple[int, float | None] = (0, None)

    def read(self, model: keras.Model, batch: int, logs: Mapping[str, Any]) -> tuple[int, float | None]:
        """How many steps there were since the batch that was read before, and their mean loss; None if it is unknown.

        Args:
            model: in training.
            batch: the batch that is over.
            logs: Keras's, of a train step that keeps no mean loss.
        """
        if batch != self._batch:
            steps, self._batch = batch - self._batch, batch
            self._told = steps, self._loss(model, logs)
        return self._told

    def _loss(self, model: keras.Model, logs: Mapping[str, Any]) -> float | None:
        mean = next((one for one in model.metrics if one.name == "loss" and isinstance(one, keras.metrics.Mean)), None)
        apart = model.train_function if isinstance(model.train_function, _SumApart) else None
        step_total = step_count = 0.0
        if apart is not None and apart.parts is not None:
            step_total, step_count = apart.parts
        elif mean is not None:
            total, count = number_in(mean.total), number_in(mean.count)
            step_total, step_count = total - self._total, count - self._count
            is_lost = _is_lost(self._total, total, keras.ops.convert_to_numpy(mean.total).dtype)
            self._total, self._count = total, count
            if apart is None and model.train_function is not None and (is_lost or not math.isfinite(total)):
                model.train_function = _SumApart(model.train_function, mean)
            if is_lost:
                return None
        if step_count:
            return step_total / step_count
        return float(logs["loss"]) if "loss" in logs else None


class _SumApart:
    """Stands in for a model's train function: the mean loss begins anew with each call and is put together after it.

    The sum is added up as the metric does it, in the metric's precision, so that it is the same to the bit where a call
    makes one step.

    Attributes:
        parts: sum and count of the latest call alone; None before the first.
    """

    def __init__(self, learn: Callable[[Any], Any], mean: keras.metrics.Mean) -> None:
        self._learn = learn
        self._mean = mean
        self.parts: tuple[float, float] | None = None

    def __call__(self, iterator: Any) -> Any:
        total, count = self._mean.total, self._mean.count
        before = [keras.ops.convert_to_numpy(variable) for variable in (total, count)]
        self._mean.reset_state()
        try:
            logs = self._learn(iterator)
        finally:  # also where the data are at their end, which is an error
            self.parts = number_in(total), number_in(count)
            for variable, so_far in zip((total, count), before, strict=True):
                variable.assign(so_far + keras.ops.convert_to_numpy(variable))
        return {**logs, "loss": self._mean.result()} if "loss" in logs else logs


def _is_lost(before: float, after: float, dtype: npt.DTypeLike) -> bool:
    """Whether a sum of that precision cannot say what it has grown by.

    >>> [_is_lost(before, 9e8, "float32") for before in (0.0, 8e8, 8.9999e8)]
    [False, False, True]
    """
    if not math.isfinite(before) or not math.isfinite(after):
        return not math.isfinite(before)
    return before != 0 and abs(after - before) < _CERTAIN * float(np.spacing(np.abs(np.asarray(after, dtype))))
