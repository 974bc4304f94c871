"""What a history of losses says: did it fall, does it jump, did it blow up. Pure functions of plain numbers."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SHORTEST_HISTORY", "LossTrend", "loss_trend"]

SHORTEST_HISTORY = 12  # steps; of fewer, no trend can be told from chance


@dataclass(frozen=True, kw_only=True)
class LossTrend:
    """A history of losses in four numbers, each in units of the loss that training started from.

    Attributes:
        improvement: how much of the first loss is gone in the end; negative where it rose.
        swing: the middle size of the jumps from one step to the next, in the second half of the history.
        peak: the largest loss of all.
        end: the loss in the end.
    """

    improvement: float
    swing: float
    peak: float
    end: float


def loss_trend(losses: Sequence[float]) -> LossTrend | None:
    """The trend of the losses of each step, in their order; None if there are fewer than `SHORTEST_HISTORY`.

    The start is the least of the first three losses: a first step that overshoots must not make all that follows look
    like progress. The end is the median of the last quarter. Losses that are not finite are left out.

    >>> loss_trend([2.0] * 10 + [1.0] * 10)
    LossTrend(improvement=0.5, swing=0.0, peak=1.0, end=0.5)
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < SHORTEST_HISTORY:
        return None
    start = min(finite[:3])
    end = statistics.median(finite[-(len(finite) // 4) :])
    half = finite[len(finite) // 2 :]
    swing = statistics.median(abs(later - earlier) for earlier, later in itertools.pairwise(half))
    unit = abs(start) or 1.0
    return LossTrend(improvement=(start - end) / unit, swing=swing / unit, peak=max(finite) / unit, end=end / unit)
