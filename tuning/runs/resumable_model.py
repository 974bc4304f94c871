"""A Keras model whose `fit` can begin in the middle of an epoch."""

from collections.abc import Callable
from typing import Any

import keras

__all__ = ["Logs", "ResumableModel"]

Logs = dict[str, Any]


class ResumableModel(keras.Model):
    """A Keras model whose first epoch of `fit` passes over the batches that were learnt before an interruption.

    Keras counts an epoch's batches from 0 and expects all of them, so the skipped ones come, but teach nothing:
    callbacks see them with empty logs, and the last one with what was measured before the interruption.

    Attributes:
        batches_to_skip: how many batches the next `fit` passes over.
    """

    train_function: Callable[[Any], Logs] | None  # Keras's, made on the first fit
    batches_to_skip: int = 0

    def training_logs(self) -> Logs:
        """What training has measured in this epoch so far."""
        return {metric.name: metric.result() for metric in self.metrics}

    def make_train_function(self, force: bool = False) -> None:
        if self.train_function is not None and not force:
            return
        super().make_train_function(force)
        self.train_function = self._after_skipping(self.train_function)

    def _after_skipping(self, learn: Any) -> Callable[[Any], Logs]:
        def learn_or_skip(iterator: Any) -> Logs:
            if self.batches_to_skip == 0:
                return learn(iterator)
            next(iterator)
            self.batches_to_skip -= 1
            return {} if self.batches_to_skip else self.training_logs()

        return learn_or_skip
