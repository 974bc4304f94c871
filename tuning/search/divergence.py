"""Trials that blow up: each ends at once, with a finite score that tells the search how bad it was."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner

__all__ = ["Divergence", "DivergenceError", "DivergenceGuard"]


class DivergenceError(Exception):
    """Ends a trial from inside `fit`.

    Attributes:
        reason: what was seen, and when.
        progress: the share of the planned training that was done, from 0 to 1.
    """

    def __init__(self, reason: str, progress: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.progress = progress


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """When a trial counts as diverged, and the score that it gets.

    KerasTuner drops trials whose score is NaN and gives up the search after three of them in a row; an infinite score
    counts, and its Bayesian oracle takes it for the best of all. A search over learning rates meets both all the time,
    so a diverged trial is scored instead: worse than any that did not diverge, and worse the earlier it ended.

    Args:
        bound: a loss above it, the mean of an epoch so far, counts as diverged, as NaN and infinity do.
        worst: the objective of the worst trial that counts as healthy; None (default) takes `bound`, which is right for
            an objective in the units of the loss. An objective that is maximised needs its own.
        spread: how much worse than `worst` the score of a trial is that ended in its first step; None (default) takes
            half of `worst`, so that diverged trials do not drown the differences between the others.

    Example:
        >>> divergence = Divergence(bound=20.0)
        >>> [divergence.score(progress, "min") for progress in (0.0, 0.5, 1.0)]
        [30.0, 25.0, 20.0]
    """

    bound: float
    worst: float | None = None
    spread: float | None = None

    def __post_init__(self) -> None:
        for name in ("bound", "worst", "spread"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} must be finite, but got {name}={value!r}.")
        if self.spread is not None and self.spread < 0:
            raise ValueError(f"spread must not be negative, but got spread={self.spread!r}.")

    def check_objective(self, objective: keras_tuner.Objective) -> None:
        """Raise a ValueError if a diverged trial cannot be scored in terms of `objective`."""
        if hasattr(objective, "objectives"):
            raise ValueError(f"a search that survives divergence must have one objective, but got {objective}.")
        if objective.direction == "max" and self.worst is None:
            raise ValueError(
                f"an objective that is maximised needs Divergence(worst=...), its lowest healthy value, "
                f"but got worst=None for {objective.name}."
            )

    def score(self, progress: float, direction: str) -> float:
        """What a trial scores that diverged after the share `progress` of its training."""
        worst = self.bound if self.worst is None else self.worst
        spread = abs(worst) / 2 if self.spread is None else self.spread
        return worst + spread * (1 - progress) * (1 if direction == "min" else -1)

    def symptom(self, logs: Mapping[str, Any], objective: keras_tuner.Objective) -> str | None:
        """What is wrong with the logs of a batch or an epoch; None if nothing is."""
        for name, limit, sign in self._limits(objective):
            if name in logs:
                value = float(logs[name])
                if not math.isfinite(value):
                    return f"{name} is {value}"
                if sign * value > sign * limit:
                    return f"{name} is {value:.4g}, {'above' if sign > 0 else 'below'} {limit:.4g}"
        return None

    def examine(self, results: Any, objective: keras_tuner.Objective) -> None:
        """Raise `DivergenceError` if what a trial returned is not healthy, whichever callbacks it left out.

        Args:
            results: what `HyperModel.fit` may return: a History, a dictionary, a number, or a list of these.
            objective: the search's.
        """
        if isinstance(results, list):
            for result in results:
                self.examine(result, objective)
        elif isinstance(results, keras.callbacks.History):
            epochs = len(results.epoch)
            for epoch in range(epochs):
                logs = {name: values[epoch] for name, values in results.history.items() if epoch < len(values)}
                self._raise_for(logs, objective, f"after epoch {epoch + 1}", (epoch + 1) / epochs)
        elif results is not None:
            logs = results if isinstance(results, dict) else {objective.name: results}
            self._raise_for(logs, objective, "in the end", 0.0)  # when it happened, nobody knows

    def _raise_for(
        self, logs: Mapping[str, Any], objective: keras_tuner.Objective, moment: str, progress: float
    ) -> None:
        symptom = self.symptom(logs, objective)
        if symptom is not None:
            raise DivergenceError(f"{symptom} {moment}", progress)

    def _limits(self, objective: keras_tuner.Objective) -> list[tuple[str, float, int]]:
        """Names, limits, and 1 where too much is bad, -1 where too little is."""
        worst = self.bound if self.worst is None else self.worst
        loss = [] if objective.name == "loss" else [("loss", self.bound, 1)]
        return [*loss, (objective.name, worst, 1 if objective.direction == "min" else -1)]


class DivergenceGuard(keras.callbacks.Callback):
    """Raises `DivergenceError` in the step, or at the end of the epoch, in which a trial blows up.

    Args:
        divergence: what counts.
        objective: the search's.
        first_epoch: the epoch from which progress counts, where that is before the one that `fit` begins with, for the
            trial was interrupted; None (default), that one.
    """

    def __init__(
        self, divergence: Divergence, objective: keras_tuner.Objective, first_epoch: int | None = None
    ) -> None:
        super().__init__()
        self.divergence = divergence
        self.objective = objective
        self.first_epoch = first_epoch
        self._first_epoch: int | None = None
        self._epoch = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._first_epoch = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._first_epoch is None:
            self._first_epoch = epoch if self.first_epoch is None else min(epoch, self.first_epoch)
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        steps = self.params.get("steps")  # None in the first epoch of data of unknown size
        self._check(logs, f"in epoch {self._epoch + 1}, step {batch + 1}", (batch + 1) / steps if steps else 0.0)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._check(logs, f"after epoch {epoch + 1}", 1.0)

    def _check(self, logs: Mapping[str, Any] | None, moment: str, share_of_epoch: float) -> None:
        symptom = self.divergence.symptom(logs or {}, self.objective)
        if symptom is not None:
            first = self._first_epoch or 0
            planned = self.params.get("epochs", self._epoch + 1) - first
            raise DivergenceError(f"{symptom} {moment}", min(1.0, (self._epoch - first + share_of_epoch) / planned))
