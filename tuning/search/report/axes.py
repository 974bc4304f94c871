"""What the figures of a search share: marks for what became of a trial, axes, a strip for penalties."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from rnnzoo.tuning.pages.drawing import PAINTS, power_of_ten
from rnnzoo.tuning.search.hyperparameters import Value
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial

__all__ = ["FEW", "MARKS", "Axis", "ScoreAxis", "axis_of", "mark_legend", "mark_trials", "set_horizontal", "verbatim"]

# Told apart by form as well as by colour.
MARKS: dict[str, dict[str, Any]] = {
    "completed": {"marker": "o", "color": PAINTS["line-0"], "markersize": 5},
    "diverged": {"marker": "x", "color": PAINTS["line-1"], "markersize": 5.5, "markeredgewidth": 1.6},
    "pruned": {"marker": "v", "color": PAINTS["line-3"], "markersize": 5.5, "markerfacecolor": "none"},
    "failed": {"marker": "s", "color": PAINTS["line-4"], "markersize": 4.5, "markerfacecolor": "none"},
    "running": {"marker": "D", "color": PAINTS["muted"], "markersize": 4, "markerfacecolor": "none"},
}


FEW = 4
"""So many different values are choices, whatever they are: each gets its tick, and room for its marks."""


@dataclass(frozen=True)
class Axis:
    """Where the values of a hyperparameter lie on an axis from 0 to 1, and what stands there.

    Attributes:
        name: of the hyperparameter.
        ticks: places and their labels.
        choices: the values if they are no numbers.
    """

    name: str
    ticks: tuple[tuple[float, str], ...]
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False
    choices: tuple[Value, ...] | None = None

    def place(self, value: Value) -> float:
        if self.choices is not None:
            return self.choices.index(value) / max(1, len(self.choices) - 1) if len(self.choices) > 1 else 0.5
        assert isinstance(value, int | float)
        low, high, number = (math.log(one) if self.logarithmic else one for one in (self.low, self.high, value))
        return (number - low) / (high - low) if high > low else 0.5


def axis_of(search: ReportedSearch, name: str, most: int = 6) -> Axis:
    """The axis of a hyperparameter, as wide as the trials' values, with `most` ticks or so."""
    values = [trial.values[name] for trial in search.trials if name in trial.values]
    numbers = [value for value in values if isinstance(value, int | float)]
    if not search.numeric(name):
        choices = tuple(dict.fromkeys(values))
        bare = Axis(name, (), choices=choices)
        return Axis(name, tuple((bare.place(value), _called(value)) for value in choices), choices=choices)
    low, high, log = float(min(numbers)), float(max(numbers)), search.logarithmic(name)
    bare = Axis(name, (), low, high, log)
    few = sorted(set(numbers))
    whole = all(isinstance(number, int) for number in numbers)
    found = LogLocator().tick_values(low, high) if log else MaxNLocator(most, integer=whole).tick_values(low, high)
    shown = [float(tick) for tick in found if low <= tick <= high]
    if len(few) <= FEW or (log and len(shown) < 2):
        shown, log = [float(number) for number in (few if len(few) <= FEW else (low, high))], False
    if len(shown) > most:
        shown = shown[:: math.ceil(len(shown) / most)]
    called = [power_of_ten(tick) if log and not 0.01 <= tick <= 100 else f"{tick:.3g}" for tick in shown]
    return Axis(name, tuple(zip(map(bare.place, shown), called, strict=True)), low, high, bare.logarithmic)


class ScoreAxis:
    """An axis of scores: those of completed trials to scale, and a strip beyond them for what has none to speak of.

    Penalties of diverged trials say how bad these were to an algorithm, not to a reader: to scale, they would squeeze
    what there is to see into a line.
    """

    def __init__(self, search: ReportedSearch) -> None:
        self._search = search
        scores = [trial.score for trial in search.ranked if trial.score is not None]
        low, high = (min(scores), max(scores)) if scores else (0.0, 1.0)
        room = (high - low) or abs(high) or 1.0
        self._inside = (low - room * 1e-9, high + room * 1e-9)
        away = search.maximised
        self.strip = low - 0.17 * room if away else high + 0.17 * room
        self._fence = low - 0.09 * room if away else high + 0.09 * room
        self.outside = any(self.place(trial) == self.strip for trial in search.trials)
        far = (low - (0.25 if self.outside else 0.06) * room, high + 0.06 * room)
        self.limits = far if away else (low - 0.06 * room, high + (0.25 if self.outside else 0.06) * room)

    @property
    def ticks(self) -> list[float]:
        low, high = self._inside
        return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]

    def place(self, trial: ReportedTrial) -> float:
        shown = trial.status in ("completed", "pruned") and trial.score is not None
        if shown and self._inside[0] <= (trial.score or 0.0) <= self._inside[1]:
            return trial.score or 0.0
        return self.strip

    def set_on(self, axes: Axes, label: bool = True) -> None:
        """Make the vertical axis of `axes` this one."""
        axes.set_ylim(*self.limits)
        axes.set_yticks(self.ticks)
        if self.outside:
            axes.axhspan(
                self._fence, self.limits[0 if self._search.maximised else 1], color=PAINTS["line-1"], alpha=0.1, lw=0
            )
        if label:
            axes.set_ylabel(verbatim(self._search.objective))


def mark_trials(axes: Axes, trials: Sequence[ReportedTrial], places: Sequence[float], score: ScoreAxis) -> None:
    """A mark for each trial, by what became of it."""
    for status, mark in MARKS.items():
        chosen = [(x, score.place(trial)) for trial, x in zip(trials, places, strict=True) if trial.status == status]
        if chosen:
            axes.plot(*np.array(chosen).T, linestyle="", **mark)


def mark_legend(
    figure: Figure,
    search: ReportedSearch,
    *others: Artist,
    narrow: bool,
    marks: Mapping[str, Mapping[str, Any]] = MARKS,
) -> None:
    """What the marks mean, for those that are there."""
    met = {trial.status for trial in search.trials}
    shown = [Line2D([], [], linestyle="", label=status, **mark) for status, mark in marks.items() if status in met]
    figure.legend(handles=[*shown, *others], loc="outside lower left", ncols=3 if narrow else 6, columnspacing=1.2)


def set_horizontal(axes: Axes, axis: Axis) -> None:
    """Make the horizontal axis of `axes`, from 0 to 1, that of a hyperparameter."""
    axes.set_xlim(-0.06, 1.06)
    axes.set_xticks([place for place, _ in axis.ticks], [called for _, called in axis.ticks])
    axes.set_xlabel(verbatim(axis.name))


def verbatim(text: str) -> str:
    """For Matplotlib, which takes what is between dollars for mathematics."""
    return text.replace("$", r"\$")


def _called(value: Value) -> str:
    text = "none" if value is None else str(value)
    return verbatim(text if len(text) <= 16 else f"{text[:15]}…")
