"""Learning-rate control. Every schedule is a pure function of how far training is, so nothing needs to be saved."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["SCHEDULES", "Position", "Schedule", "constant", "cosine", "epochs_since_best", "plateau", "warmup"]


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far training is.

    Attributes:
        step: steps done, over all epochs.
        total_steps: steps there will be if training does not end early.
        validation_losses: of each epoch done, the first one first.
        warmup_steps: steps in which the rate rises.
    """

    step: int
    total_steps: int
    validation_losses: Sequence[float] = ()
    warmup_steps: int = 0


Schedule = Callable[[float, Position], float]  # (rate to start from, position) → rate


def constant(rate: float, position: Position) -> float:
    """The same rate in every step."""
    return rate


def warmup(rate: float, position: Position) -> float:
    """Rises in equal steps up to `rate`, which step number `warmup_steps` is the first to have, and stays there.

    >>> [warmup(1.0, Position(step=step, total_steps=9, warmup_steps=4)) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return rate * min(1.0, (position.step + 1) / max(1, position.warmup_steps))


def cosine(rate: float, position: Position) -> float:
    """Rises as `warmup` does, then falls to 0 along half a cosine (Loshchilov & Hutter 2017, without restarts).

    >>> [round(cosine(1.0, Position(step=step, total_steps=4)), 2) for step in range(5)]
    [1.0, 0.85, 0.5, 0.15, 0.0]
    """
    if position.step < position.warmup_steps:
        return warmup(rate, position)
    progress = (position.step - position.warmup_steps) / max(1, position.total_steps - position.warmup_steps)
    return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def plateau(rate: float, position: Position) -> float:
    """A quarter of the rate after each epoch whose validation loss was not the best so far (word_language_model).

    >>> plateau(20.0, Position(step=9, total_steps=9, validation_losses=[5.0, 5.5, 4.9, 4.9]))
    1.25
    """
    losses = position.validation_losses
    failures = sum(epochs_since_best(losses[: epoch + 1]) > 0 for epoch in range(len(losses)))
    return rate / 4.0**failures


def epochs_since_best(validation_losses: Sequence[float]) -> int:
    """How many epochs ago the validation loss was at its best; an equal loss is no improvement.

    >>> epochs_since_best([5.0, 4.8, 4.8, 4.9])
    2
    """
    return len(validation_losses) - 1 - validation_losses.index(min(validation_losses)) if validation_losses else 0


SCHEDULES: Mapping[str, Schedule] = {"constant": constant, "warmup": warmup, "cosine": cosine, "plateau": plateau}
