"""What a search found."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.hyperparameters import Value
from rnnzoo.tuning.search.tuner import DIVERGED_AT, SECONDS
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["SearchResult", "TrialRecord"]


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: from 1, in the order in which trials began.
        status: "completed", "diverged", "failed" (an error ended it) or "running".
        score: the best validation loss in nats per word, smaller is better; the penalty of a diverged trial; None if
            there is none.
        perplexity: `exp(score)` of a completed trial.
        values: the hyperparameters that were active; names with a `tuner/` in front are Hyperband's own.
        epochs: how many were trained; None unless completed.
        diverged_at: the share of its training that a diverged trial had done.
        seconds: how long it took.
        message: why a trial diverged or failed, on one line.
    """

    number: int
    status: str
    score: float | None
    perplexity: float | None
    values: Mapping[str, Value]
    epochs: int | None
    diverged_at: float | None
    seconds: float | None
    message: str | None

    @classmethod
    def from_trial(cls, trial: Any, number: int, values: Mapping[str, Value]) -> Self:
        """From a `keras_tuner` trial.

        Args:
            trial: running or over.
            number: its place in the order in which trials began, from 1.
            values: its hyperparameters as users write them.
        """
        epochs, diverged_at = _metric(trial, "epochs"), _metric(trial, DIVERGED_AT)
        status = trial.status.lower() if diverged_at is None else "diverged"
        return cls(
            number=number,
            status="failed" if status == "invalid" else status,
            score=None if trial.score is None else float(trial.score),
            perplexity=math.exp(trial.score) if status == "completed" else None,
            values=values,
            epochs=None if epochs is None else int(epochs),
            diverged_at=diverged_at,
            seconds=_metric(trial, SECONDS),
            message=_last_line(trial.message),
        )

    def line(self, planned: int) -> str:
        """The trial on one line, out of so many that are planned."""
        values = " ".join(f"{name}={_brief(value)}" for name, value in self.values.items() if "/" not in name)
        outcome = self.message or self.status
        if self.perplexity is not None:
            outcome = f"loss {self.score:.3f}, perplexity {self.perplexity:.1f}"
        seconds = "" if self.seconds is None else f" ({self.seconds:.0f} s)"
        return f"trial {self.number}/{planned}: {values}: {outcome}{seconds}"


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        folder: where it lies.
        trials: all of them, in the order in which they began.
        best: the completed trial with the lowest validation loss; None if every trial diverged or failed.
        network: the best trial's network.
        training: the best trial's recipe, with the epochs of the recipe that was searched over.
    """

    folder: Path
    trials: tuple[TrialRecord, ...]
    best: TrialRecord | None = None
    network: NetworkConfig | None = None
    training: TrainingConfig | None = None


def _metric(trial: Any, name: str) -> float | None:
    return float(trial.metrics.get_last_value(name)) if trial.metrics.exists(name) else None


def _last_line(message: str | None) -> str | None:
    """Of a traceback, which is what KerasTuner keeps of an error, the error."""
    return message.strip().splitlines()[-1] if message and message.strip() else None


def _brief(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
