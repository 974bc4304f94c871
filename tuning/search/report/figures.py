"""The figures of a search."""

import math
from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnzoo.tuning.pages.drawing import PAINTS, Picture, Shape, new_figure
from rnnzoo.tuning.search.report.axes import FEW, ScoreAxis, axis_of, mark_legend, mark_trials, set_horizontal
from rnnzoo.tuning.search.report.map_figure import draw_map, map_axes
from rnnzoo.tuning.search.report.parallel_figure import draw_parallel
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial

__all__ = ["pictures_of"]

_STRIP = " Marks on the shaded strip have no score that could be drawn to scale."


def pictures_of(search: ReportedSearch) -> list[Picture]:
    """All that this search has something to show in."""
    strip = _STRIP if ScoreAxis(search).outside else ""
    pictures = [
        Picture(
            name="best-so-far",
            title="The best so far, over trials and over time",
            reading=f"A mark for each trial; the line is the best score of all trials until then.{strip}",
            draw=partial(_best_so_far, search),
        )
    ]
    if search.names:
        pictures.append(
            Picture(
                name="score-against-parameters",
                title="Score against each hyperparameter",
                reading=f"A mark for each trial. What slopes or bends matters; a cloud does not.{strip}",
                draw=partial(_against_parameters, search),
            )
        )
    across = map_axes(search)
    if across is not None:
        pictures.append(
            Picture(
                name="map",
                title=f"{across[0]} × {across[1]}",
                reading="The lighter a disc, the better its trial; the best one is ringed. Shaded: where the trials "
                "nearby diverged, by their average weighted with the distance. An estimate, rough where "
                "there are few trials.",
                draw=partial(draw_map, search, *across),
            )
        )
    if search.names:
        pictures.append(
            Picture(
                name="parallel-coordinates",
                title="Each trial a line through its values",
                reading="From value to value to the score. Blue: the best quarter, thick: the best trial; broken "
                "lines diverged or were stopped.",
                draw=partial(draw_parallel, search),
            )
        )
    return pictures


def _best_so_far(search: ReportedSearch, shape: Shape) -> Figure:
    timed = [trial for trial in search.trials if trial.ended is not None]
    panels = 2 if timed else 1
    figure, axes = new_figure(
        shape,
        0.4 + (2.7 * panels if shape.narrow else 3.0),
        panels if shape.narrow else 1,
        1 if shape.narrow else panels,
    )
    score = ScoreAxis(search)
    _course(axes[0], search, score, search.trials, [float(trial.number) for trial in search.trials])
    axes[0].set_xlabel("trial")
    axes[0].xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if timed:
        timed.sort(key=lambda trial: trial.ended or 0.0)
        seconds = [trial.ended or 0.0 for trial in timed]
        unit, divisor = _unit(max(seconds))
        _course(axes[1], search, score, timed, [one / divisor for one in seconds], label=shape.narrow)
        axes[1].set_xlabel(unit)
    line = Line2D([], [], color=PAINTS["ink"], linewidth=1.6, label="best so far")
    mark_legend(figure, search, line, narrow=shape.narrow)
    return figure


def _course(
    axes: Axes,
    search: ReportedSearch,
    score: ScoreAxis,
    trials: Sequence[ReportedTrial],
    places: Sequence[float],
    label: bool = True,
) -> None:
    score.set_on(axes, label)
    mark_trials(axes, trials, places, score)
    best, steps, levels = math.inf, list[float](), list[float]()
    for trial, place in zip(trials, places, strict=True):
        if trial in search.ranked:
            best = min(best, search.badness(trial))
        if math.isfinite(best):
            steps.append(place)
            levels.append(-best if search.maximised else best)
    axes.step(steps, levels, where="post", color=PAINTS["ink"], linewidth=1.6, zorder=1.5)


def _unit(seconds: float) -> tuple[str, float]:
    return ("seconds", 1.0) if seconds < 180 else ("minutes", 60.0) if seconds < 3 * 3600 else ("hours", 3600.0)


def _against_parameters(search: ReportedSearch, shape: Shape) -> Figure:
    names = search.names
    across = 1 if shape.narrow else min(3, len(names))
    down = math.ceil(len(names) / across)
    figure, axes = new_figure(shape, 0.5 + 2.3 * down, down, across)
    score = ScoreAxis(search)
    for panel in axes[len(names) :]:
        panel.set_axis_off()
    for place, (panel, name) in enumerate(zip(axes, names, strict=False)):
        axis = axis_of(search, name, 6 if shape.narrow else 4)
        score.set_on(panel, label=place % across == 0)
        set_horizontal(panel, axis)
        trials = [trial for trial in search.trials if name in trial.values]
        # Few places for many marks: each trial a little aside, in the order in which they ran.
        different = len({trial.values[name] for trial in trials})
        spread = 0.3 / different if different <= FEW or axis.choices is not None else 0.0
        asides = [spread * (2 * trial.number / (len(search.trials) + 1) - 1) for trial in trials]
        places = [axis.place(trial.values[name]) + aside for trial, aside in zip(trials, asides, strict=True)]
        mark_trials(panel, trials, places, score)
        if spread:
            panel.set_xlim(-0.06 - spread, 1.06 + spread)
    mark_legend(figure, search, narrow=shape.narrow)
    return figure
