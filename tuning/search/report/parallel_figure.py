"""Parallel coordinates: each trial a line through its values to its score."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.tuning.pages.drawing import PAINTS, Shape, new_figure
from rnnzoo.tuning.search.report.axes import MARKS, Axis, ScoreAxis, axis_of, verbatim
from rnnzoo.tuning.search.report.reported_search import ReportedSearch

__all__ = ["draw_parallel"]


def draw_parallel(search: ReportedSearch, shape: Shape) -> Figure:
    """Side by side, or one below the other where it is narrow."""
    rails = [axis_of(search, name) for name in search.names]
    score = ScoreAxis(search)
    figure, (axes,) = new_figure(shape, 0.9 + 0.85 * len(rails) if shape.narrow else 3.8)
    axes.set_axis_off()
    for place, rail in enumerate([*rails, _score_rail(score, search)]):
        _draw_rail(axes, place, rail, shape.narrow)
    good = search.ranked[: max(1, len(search.ranked) // 4)]
    for trial in sorted(search.trials, key=search.badness, reverse=True):  # the best on top
        heights = [rail.place(trial.values[rail.name]) if rail.name in trial.values else np.nan for rail in rails]
        heights.append(_share(score, score.place(trial)))
        places = list(range(len(heights)))
        line = (heights, places) if shape.narrow else (places, heights)
        if trial is search.best:
            axes.plot(*line, color=PAINTS["line-0"], linewidth=3.4, solid_capstyle="round", zorder=2.3)
        elif trial in good:
            axes.plot(*line, color=PAINTS["line-0"], linewidth=1.4, alpha=0.8, zorder=2.2)
        elif trial.status == "completed":
            axes.plot(*line, color=PAINTS["muted"], linewidth=0.9, alpha=0.45)
        else:
            axes.plot(*line, color=MARKS[trial.status]["color"], linewidth=0.9, linestyle=(0, (4, 2)), alpha=0.85)
    if shape.narrow:
        axes.set_xlim(-0.04, 1.04)
        axes.set_ylim(len(rails) + 0.5, -0.5)
    else:
        axes.set_xlim(-0.15, len(rails) + 0.35)
        axes.set_ylim(-0.04, 1.12)
    return figure


def _draw_rail(axes: Axes, place: int, rail: Axis, narrow: bool) -> None:
    ends = ([0, 1], [place, place]) if narrow else ([place, place], [0, 1])
    axes.plot(*ends, color=PAINTS["muted"], linewidth=1.0, zorder=2.5)
    if narrow:
        _write(axes, verbatim(rail.name), (0, place), (0, 9), "left", "bottom", 8.5)
    else:
        axes.annotate(verbatim(rail.name), (place, 1.05), ha="center", va="bottom", fontsize=8.5)
    for height, called in rail.ticks:
        spot = (height, place) if narrow else (place, height)
        axes.plot(*spot, marker="|" if narrow else "_", color=PAINTS["muted"], markersize=5, zorder=2.6)
        offset, anchor = ((0, -4), ("center", "top")) if narrow else ((5, 0), ("left", "center"))
        _write(axes, called, spot, offset, *anchor, 7.5)


def _write(
    axes: Axes, text: str, spot: tuple[float, float], offset: tuple[int, int], across: str, up: str, size: float
) -> None:
    """Text that lines do not cross."""
    paper = {"facecolor": PAINTS["paper"], "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    axes.annotate(text, spot, offset, textcoords="offset points", ha=across, va=up, fontsize=size, zorder=4, bbox=paper)


def _score_rail(score: ScoreAxis, search: ReportedSearch) -> Axis:
    ticks = [(_share(score, tick), f"{tick:.3g}") for tick in score.ticks]
    if score.outside:
        ticks.append((_share(score, score.strip), "none"))
    return Axis(search.objective, tuple(ticks))


def _share(score: ScoreAxis, value: float) -> float:
    low, high = score.limits
    return (value - low) / (high - low)
