"""The figures of a diagnosis."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from rnnzoo.tuning.diagnosis.diagnoses import Diagnosis
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow, LayerFlow, StateFlow
from rnnzoo.tuning.diagnosis.signs_figure import draw_signs
from rnnzoo.tuning.diagnosis.words_figure import draw_words
from rnnzoo.tuning.pages.drawing import (
    PAINTS,
    Picture,
    Shape,
    line_styles,
    log_axis,
    new_figure,
    nothing_to_show,
    positive,
)

__all__ = ["file_names", "pictures_of", "shared_picture"]

Curve = npt.NDArray[np.float64]


def shared_picture(diagnoses: Sequence[Diagnosis]) -> Picture:
    """Gradient against lag: a line for each network, or for each layer of a single one."""
    what = "a line for each network, its layer that reaches furthest" if len(diagnoses) > 1 else "a line for each layer"
    return Picture(
        name="gradient-against-lag",
        title="How much of a single loss's gradient gets back to each earlier word",
        reading=f"‖∂L(t)/∂h(t−k)‖ against the lag k, {what}: the median over the positions, and the quartiles as a "
        "band. A straight line down is exponential forgetting; a flat line forgets nothing; a rising one explodes.",
        draw=partial(_gradient_against_lag, list(_curves(diagnoses)), diagnoses[0].evidence.needed_lag),
    )


def pictures_of(diagnosis: Diagnosis, prefix: str) -> list[Picture]:
    """The figures that belong to one network; their names begin with `prefix`."""
    pictures = [
        Picture(
            name=f"{prefix}-lag-time",
            title=f"{diagnosis.name}: the gradient, word by word",
            reading="Each row is a word that was predicted, each column a lag; bright is a large gradient. A bright "
            "row is a word for which the network looks far back.",
            draw=partial(_lag_time, diagnosis),
        ),
        Picture(
            name=f"{prefix}-weight-shares",
            title=f"{diagnosis.name}: which lags move each weight",
            reading="The gradient of a weight is a sum with one term for each lag. Each bar shows whose terms are how "
            "long: the share of ‖term‖, all lags together 100 %.",
            draw=partial(_weight_shares, diagnosis.flow),
        ),
        Picture(
            name=f"{prefix}-jacobians",
            title=f"{diagnosis.name}: what products of Jacobians do to a gradient",
            reading="Singular values of ∂h(t)/∂h(t−k) against the lag: what the gradient is stretched by at most, in "
            "the middle, and at least. All far below 1: it vanishes; the largest far above 1: it can explode.",
            draw=partial(_jacobians, diagnosis.flow),
        ),
    ]
    if diagnosis.words is not None:
        pictures.append(
            Picture(
                name=f"{prefix}-words",
                title=f"{diagnosis.name}: which earlier words moved the prediction of “{diagnosis.words.target}”",
                reading="The gradient of this one prediction by the state after each word, all layers together, on a "
                "logarithmic scale of four powers of ten, as in the shading.",
                draw=partial(draw_words, diagnosis.words),
            )
        )
    if diagnosis.signs is not None and (diagnosis.signs.losses or diagnosis.signs.samples):
        pictures.append(
            Picture(
                name=f"{prefix}-signs",
                title=f"{diagnosis.name}: signs over training",
                reading="The loss of each step; the norm of all gradients before and after clipping; the largest "
                "update-to-weight ratio of a variable and that of the middle one, healthy around 10⁻³; dead and "
                "saturated units.",
                draw=partial(draw_signs, diagnosis.signs),
            )
        )
    return pictures


def file_names(names: Sequence[str]) -> list[str]:
    """For each network a name that any file system takes, no two alike.

    >>> file_names(["runs/LSTM 1", "irnn", "irnn"])
    ['runs-lstm-1', 'irnn', 'irnn-2']
    """
    made: list[str] = []
    for name in names:
        plain = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name).lower().split()) or "network"
        candidates = (plain if number == 1 else f"{plain}-{number}" for number in range(1, len(names) + 1))
        made.append(next(candidate for candidate in candidates if candidate not in made))
    return made


def _curves(diagnoses: Sequence[Diagnosis]) -> Iterator[tuple[str, StateFlow]]:
    if len(diagnoses) > 1:
        for diagnosis in diagnoses:
            _, state, called = diagnosis.flow.furthest(diagnosis.evidence.needed_lag)
            yield f"{diagnosis.name} ({called})" if len(diagnosis.flow.layers) > 1 else diagnosis.name, state
        return
    for _, state, called in diagnoses[0].flow.states():
        yield called, state
    if diagnoses[0].before is not None:
        _, state, called = diagnoses[0].before.furthest(diagnoses[0].evidence.needed_lag)
        yield f"before training ({called})", state


def _gradient_against_lag(curves: Sequence[tuple[str, StateFlow]], needed_lag: int, shape: Shape) -> Figure:
    rows = math.ceil(len(curves) / (1 if shape.narrow else 2))
    figure, (axes,) = new_figure(shape, (3.0 if shape.narrow else 3.5) + 0.2 * rows)
    medians = positive(np.concatenate([state.median for _, state in curves]))
    if np.isnan(medians).all():
        nothing_to_show(axes)
    else:
        log_axis(axes, medians)
    last = len(curves[0][1].median) - 1
    for place, ((called, state), style) in enumerate(zip(curves, line_styles(len(curves)), strict=True)):
        lags = np.arange(len(state.median))
        offset = round(last / 10 * place / len(curves))  # so that markers of neighbours do not hide each other
        axes.plot(lags, positive(state.median), label=called, markevery=(offset, max(1, last // 10)), **style)
        lower, upper = positive(state.lower), positive(state.upper)
        if len(curves) <= 4:
            axes.fill_between(lags, lower, upper, color=style["color"], alpha=0.13, linewidth=0)
    if needed_lag <= last:
        axes.axvline(needed_lag, color=PAINTS["muted"], linewidth=0.9, linestyle=(0, (2, 2)))
        axes.annotate(
            f" {needed_lag} words", (needed_lag, 1.0), xycoords=("data", "axes fraction"), va="top", fontsize=8
        )
    axes.set_xlim(0, last)
    axes.set_xlabel("lag k, in words")
    axes.set_ylabel("‖∂L(t)/∂h(t−k)‖")
    figure.legend(loc="outside lower left", ncols=1 if shape.narrow else 2, handlelength=3.6)
    return figure


def _lag_time(diagnosis: Diagnosis, shape: Shape) -> Figure:
    norms = diagnosis.lag_time.norms
    words = len(diagnosis.targets)
    across = 1 if shape.narrow else min(2, len(norms))
    down = math.ceil(len(norms) / across)
    figure, axes = new_figure(shape, down * (0.9 + 0.155 * words), down, across)
    for panel in axes[len(norms) :]:
        panel.set_axis_off()
    values = positive(np.concatenate(list(norms.values())))
    if np.isnan(values).all():
        nothing_to_show(axes[0])
        return figure
    top = float(np.nanmax(values))
    scale = LogNorm(max(float(np.nanmin(values)), top * 1e-6), top * (1 + 1e-9))
    image: Any = None
    for panel, (name, layer) in zip(axes, norms.items(), strict=False):
        shown = np.where(np.isfinite(layer), np.maximum(layer, scale.vmin or 0.0), np.nan)
        image = panel.imshow(shown, aspect="auto", cmap="cividis", norm=scale, interpolation="nearest")
        panel.set_title(name)
        panel.set_xlabel("lag k, in words")
        panel.grid(visible=False)
        panel.set_yticks(range(words), [_short(word) for word in diagnosis.targets], fontsize=7.5)
        panel.tick_params(axis="y", length=0)
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, fraction=0.03, pad=0.02)
    bar.set_label("‖∂L(t)/∂h(t−k)‖")
    return figure


def _short(word: str) -> str:
    return (word if len(word) <= 14 else f"{word[:13]}…").replace("$", r"\$")  # which would begin a formula


def _weight_shares(flow: GradientFlow, shape: Shape) -> Figure:
    edges = _lag_edges(flow.lags)
    weights = [(layer.name, name, weight) for layer in flow.layers for name, weight in layer.weights.items()]
    figure, (axes,) = new_figure(shape, 1.5 + 0.34 * len(weights) + (0.3 if shape.narrow else 0.0))
    colours = colormaps["cividis"](np.linspace(1.0, 0.2, len(edges) - 1))
    starts = np.zeros(len(weights))
    for start, end, colour in zip(edges[:-1], edges[1:], colours, strict=True):
        shares = np.nan_to_num([weight.size_share[start:end].sum() for _, _, weight in weights])
        called = f"{start}" if end - start == 1 else f"{start}–{end - 1}"
        bars = axes.barh(
            range(len(weights)), shares, left=starts, color=colour, edgecolor=PAINTS["paper"], height=0.72, label=called
        )
        dark = float(colour[:3] @ np.array([0.3, 0.6, 0.1])) < 0.5
        percents = [f"{share:.0%}" if share >= (0.12 if shape.narrow else 0.06) else "" for share in shares]
        axes.bar_label(bars, percents, label_type="center", fontsize=7.5, color="#ffffff" if dark else "#000000")
        starts += shares
    separator = "\n" if shape.narrow else " · "
    axes.set_yticks(range(len(weights)), [f"{layer}{separator}{name}" for layer, name, _ in weights])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.grid(visible=False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("share of the gradient's terms")
    columns = 4 if shape.narrow else 9
    figure.legend(loc="outside lower left", ncols=columns, title="lag k", handlelength=1.1, columnspacing=0.9)
    return figure


def _lag_edges(lags: int) -> list[int]:
    """0, 1, 2–3, 4–7, … up to the last lag."""
    edges = [0, 1]
    while edges[-1] * 2 <= lags:
        edges.append(edges[-1] * 2)
    return [*edges, lags + 1]


def _jacobians(flow: GradientFlow, shape: Shape) -> Figure:
    layers = flow.layers
    across = 1 if shape.narrow else min(2, len(layers))
    down = math.ceil(len(layers) / across)
    figure, axes = new_figure(shape, 0.4 + 2.5 * down, down, across)
    for panel in axes[len(layers) :]:
        panel.set_axis_off()
    for panel, layer in zip(axes, layers, strict=False):
        _jacobian_panel(panel, layer)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, handlelength=3)
    return figure


def _jacobian_panel(panel: Axes, layer: LayerFlow) -> None:
    jacobian = layer.jacobian
    curves = {"largest": jacobian.largest, "median": jacobian.median, "smallest": jacobian.smallest}
    values = positive(np.concatenate(list(curves.values())))
    if np.isnan(values).all():
        nothing_to_show(panel)
    else:
        log_axis(panel, values)
    for (called, curve), style in zip(curves.items(), line_styles(3), strict=True):
        panel.plot(jacobian.lags, positive(curve), label=called, markevery=4, **style)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.axhline(1.0, color=PAINTS["muted"], linewidth=0.9)
    panel.set_title(layer.name)
    panel.set_xlabel("lag k, in words")
    panel.set_ylabel("singular value")
