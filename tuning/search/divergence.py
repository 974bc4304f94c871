"""Which trials diverged, and the finite score that tells the search how bad each was. Needs no TensorFlow."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnzoo.models.arguments import real, whole

if TYPE_CHECKING:
    import keras_tuner

__all__ = ["Divergence", "DivergenceError"]

_LEAST = 0.01  # of the spread: one that diverged in the end is worse than the worst healthy one, too


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

    A trial ends at once when its loss is NaN or infinite, after `steps` steps in a row whose losses are above `bound`,
    and after an epoch whose objective is beyond `worst`. One bad step ends nothing: an IRNN or a ReLU network that
    nobody clips may begin with losses of millions and still be the best of a search.

    Args:
        bound: the loss of a step above which the training is lost, unless it comes back.
        worst: the objective of the worst trial that counts as healthy; None (default) takes `bound`, which is right for
            an objective in the units of the loss. An objective that is maximised needs its own.
        spread: how much worse than `worst` the score of a trial is that ended in its first step; None (default) takes
            half of `worst`, so that diverged trials do not drown the differences between the others, or 1 if that is 0.
        steps: how many steps in a row must be above `bound`. Of word models at 40 learning rates from 1e-3 to 3, those
            that came back did so within 60 steps, those that had not after 100 never did: hence 100.

    Example:
        >>> divergence = Divergence(bound=20.0)
        >>> [divergence.score(progress, "min") for progress in (0.0, 0.5, 1.0)]
        [30.0, 25.0, 20.1]
    """

    bound: float
    worst: float | None = None
    spread: float | None = None
    steps: int = 100

    def __post_init__(self) -> None:
        for name in ("bound", "worst", "spread"):
            value = getattr(self, name)
            if value is not None or name == "bound":
                object.__setattr__(self, name, real(name, value, least=0 if name == "spread" else None))
        object.__setattr__(self, "steps", whole("steps", self.steps, least=1))

    def check_objective(self, objective: "keras_tuner.Objective") -> None:
        """Raise a ValueError if a diverged trial cannot be scored in terms of `objective`."""
        if hasattr(objective, "objectives"):
            raise ValueError(f"a search that survives divergence must have one objective, but got {objective}.")
        if objective.direction == "max" and self.worst is None:
            raise ValueError(
                f"an objective that is maximised needs Divergence(worst=...), its lowest healthy value, "
                f"but got worst=None for {objective.name}."
            )

    def score(self, progress: float, direction: str) -> float:
        """What a trial scores that diverged.

        Args:
            progress: the share of its training after which it did, from 0 to 1.
            direction: "min" or "max", that of the objective.
        """
        spread = (abs(self._worst) / 2 or 1.0) if self.spread is None else self.spread
        return self._worst + spread * max(_LEAST, 1 - progress) * (1 if direction == "min" else -1)

    def symptom(self, logs: Mapping[str, Any], objective: "keras_tuner.Objective") -> str | None:
        """What is wrong with the logs of a whole epoch; None if nothing is.

        The loss of an epoch may be any number: it is a mean, which remembers how the epoch began.

        Args:
            logs: Keras's, by name.
            objective: the value that must not be beyond `worst`.
        """
        broken = self.broken(logs, objective)
        if broken is not None or objective.name not in logs:
            return broken
        value, worst = float(logs[objective.name]), self._worst
        beyond = value > worst if objective.direction == "min" else value < worst
        side = "above" if objective.direction == "min" else "below"
        return f"{objective.name} is {value:.4g}, {side} {worst:.4g}" if beyond else None

    @staticmethod
    def broken(logs: Mapping[str, Any], objective: "keras_tuner.Objective") -> str | None:
        """Which value is no finite number; None if none is.

        Args:
            logs: Keras's, of a step or of an epoch, by name.
            objective: looked at beside the loss, where the logs have it.
        """
        for name in ("loss", objective.name):
            if not math.isfinite(value := float(logs.get(name, 0.0))):
                return f"{name} is {value}"
        return None

    @property
    def _worst(self) -> float:
        return self.bound if self.worst is None else self.worst
