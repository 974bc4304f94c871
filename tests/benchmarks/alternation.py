"""Times taken in turn, so that a machine whose speed drifts slows all candidates alike; only ratios are reported."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Ratio", "alternate", "ratio"]


@dataclass(frozen=True)
class Ratio:
    """The ratio of two candidates' times, round by round: its median, and the quartiles around it."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def alternate(candidates: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all candidates in every round; each returns its own seconds. The first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for index in range(rounds + 1):
        for name, measure in candidates.items():
            taken = measure()
            if index:
                seconds[name].append(taken)
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> Ratio:
    """Our time over theirs.

    >>> str(ratio([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]))
    '0.50 (0.50–0.50)'
    """
    low, median, high = statistics.quantiles([a / b for a, b in zip(ours, theirs, strict=True)], n=4)
    return Ratio(low, median, high)


def timed(work: Callable[[], object], repetitions: int = 3) -> Callable[[], float]:
    """The seconds of one call of `work`, as the best of a few in a row."""

    def measure() -> float:
        best = float("inf")
        for _ in range(repetitions):
            begin = time.perf_counter()
            work()
            best = min(best, time.perf_counter() - begin)
        return best

    return measure
