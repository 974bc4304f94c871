"""Two hyperparameters as a map, with the region in which trials diverge."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rnnzoo.tuning.pages.drawing import PAINTS, Shape, new_figure
from rnnzoo.tuning.search.report.axes import MARKS, Axis, axis_of, mark_legend, set_horizontal, verbatim
from rnnzoo.tuning.search.report.reported_search import ReportedSearch

__all__ = ["divergence_near", "draw_map", "map_axes"]

# The pair that decides whether a recurrent network blows up; else, the first two numbers.
_WANTED = (("learning_rate",), ("clipnorm", "global_clipnorm", "clipvalue"))
_FINE = 120
_DISC: dict[str, Any] = {
    "marker": "o",
    "color": colormaps["cividis"](0.75),
    "markeredgecolor": PAINTS["muted"],
    "markersize": 7,
}
_RING: dict[str, Any] = {
    "marker": "o",
    "markerfacecolor": "none",
    "markeredgecolor": PAINTS["ink"],
    "markeredgewidth": 1.6,
}

Places = npt.NDArray[np.float64]


def map_axes(search: ReportedSearch) -> tuple[str, str] | None:
    """The hyperparameters across and up; None if there are no two with numbers in trials that ended."""
    ended = [trial for trial in search.trials if trial.status in ("completed", "diverged")]
    numeric = [name for name in search.names if search.numeric(name)]
    wanted = [next((name for name in names if name in numeric), None) for names in _WANTED]
    first = wanted[0] or next(iter(numeric), None)
    second = wanted[1] or next((name for name in numeric if name != first), None)
    if first is None or second is None or first == second:
        return None
    return (first, second) if sum(first in one.values and second in one.values for one in ended) >= 3 else None


def divergence_near(
    places: Places, diverged: npt.NDArray[np.bool_], queries: Places, reach: float | None = None
) -> npt.NDArray[np.float64]:
    """The share of diverged trials around each query, weighted by distance.

    Args:
        places: of the trials in the unit square, (trials, 2).
        diverged: which of them did, (trials,).
        queries: places to ask for, (queries, 2).
        reach: the distance at which a trial counts exp(-1/2); None (default) takes the distance that the square's
            trials would have from each other on a grid.

    Returns:
        From 0 to 1, (queries,).

    Example:
        >>> places = np.array([[0.1, 0.5], [0.9, 0.5]])
        >>> divergence_near(places, np.array([False, True]), np.array([[0.2, 0.5], [0.5, 0.5], [0.8, 0.5]])).round(2)
        array([0.38, 0.5 , 0.62])
    """
    width = len(places) ** -0.5 if reach is None else reach
    squares = ((queries[:, None] - places[None]) ** 2).sum(-1) / (2 * width**2)
    weights = np.exp(squares.min(-1, keepdims=True) - squares)  # from the nearest: no query is out of reach of all
    return np.asarray((weights * diverged).sum(-1) / weights.sum(-1))


def draw_map(search: ReportedSearch, across: str, up: str, shape: Shape) -> Figure:
    figure, (axes,) = new_figure(shape, 4.0 if shape.narrow else 4.6)
    horizontal, vertical = axis_of(search, across), axis_of(search, up)
    trials = [trial for trial in search.trials if across in trial.values and up in trial.values]
    ended = [trial for trial in trials if trial.status in ("completed", "diverged")]
    diverged = np.array([trial.status == "diverged" for trial in ended])
    explained: list[Artist] = []
    if diverged.any() and not diverged.all():
        line = np.linspace(-0.06, 1.06, _FINE)
        grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
        places = np.array([[horizontal.place(one.values[across]), vertical.place(one.values[up])] for one in ended])
        near = divergence_near(places, diverged, grid).reshape(_FINE, _FINE)
        axes.contourf(line, line, near, levels=[0.5, 1.1], colors=[PAINTS["line-1"]], alpha=0.17)
        axes.contour(line, line, near, levels=[0.5], colors=[PAINTS["line-1"]], linewidths=1.2, linestyles="--")
        explained.append(Patch(facecolor=PAINTS["line-1"], alpha=0.17, label="trials nearby diverged"))
    if _discs(figure, axes, search, across, up, horizontal, vertical):
        explained.insert(0, Line2D([], [], linestyle="", markersize=11, label="best", **_RING))
    for status, mark in MARKS.items():
        chosen = [one for one in trials if one.status == status and status != "completed"]
        for one in chosen:
            axes.plot(
                horizontal.place(one.values[across]),
                vertical.place(one.values[up]),
                **{**mark, "markersize": 6.5, "zorder": 4},
            )
    set_horizontal(axes, horizontal)
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([place for place, _ in vertical.ticks], [called for _, called in vertical.ticks])
    axes.set_ylabel(verbatim(up))
    mark_legend(figure, search, *explained, narrow=shape.narrow, marks={**MARKS, "completed": _DISC})
    return figure


def _discs(
    figure: Figure, axes: Any, search: ReportedSearch, across: str, up: str, horizontal: Axis, vertical: Axis
) -> bool:
    """Draw the trials that have a score, the best one ringed; whether there are any."""
    shown = [trial for trial in search.ranked if across in trial.values and up in trial.values]
    if not shown:
        return False
    scores = np.array([trial.score for trial in shown], np.float64)
    discs = axes.scatter(
        [horizontal.place(trial.values[across]) for trial in shown],
        [vertical.place(trial.values[up]) for trial in shown],
        c=scores,
        cmap=colormaps["cividis" if search.maximised else "cividis_r"],
        norm=Normalize(scores.min(), scores.max() if scores.max() > scores.min() else scores.min() + 1),
        s=60,
        edgecolors=PAINTS["muted"],
        linewidths=0.6,
        zorder=3,
    )
    best = shown[0]
    axes.plot(horizontal.place(best.values[across]), vertical.place(best.values[up]), markersize=14, zorder=3, **_RING)
    bar = figure.colorbar(discs, ax=axes, location="right", aspect=32, fraction=0.05, pad=0.02)
    bar.set_label(verbatim(search.objective))
    return True
