"""The signs of a training run over its steps, as a figure."""

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.tuning.diagnosis.signs import Signs
from rnnzoo.tuning.pages.drawing import Shape, line_styles, log_axis, new_figure, nothing_to_show, positive

__all__ = ["draw_signs"]

_MOST_POINTS = 600  # a page does not show more, and should not carry them


def draw_signs(signs: Signs, shape: Shape) -> Figure:
    """Four panels: loss, gradient norms, update-to-weight ratios, dead and saturated units."""
    figure, panels = new_figure(shape, 8.6 if shape.narrow else 5.2, 4 if shape.narrow else 2, 1 if shape.narrow else 2)
    loss, gradients, updates, units = panels
    samples = signs.samples
    sampled = [sample.step for sample in samples]
    steps = sorted(signs.losses)
    ratios = [
        [ratio for ratio in (one.update_ratio for one in sample.variables.values()) if not math.isnan(ratio)]
        for sample in samples
    ]
    _lines(loss, "loss of each step", steps, {"loss": [signs.losses[step] for step in steps]}, log=False)
    norms = {
        "before clipping": [sample.gradient_norm for sample in samples],
        "after clipping": [sample.clipped_norm for sample in samples],
    }
    _lines(gradients, "norm of the gradients", sampled, norms)
    middle = [statistics.median(found) if found else 0.0 for found in ratios]
    largest = [max(found, default=0.0) for found in ratios]
    _lines(updates, "update ÷ weight", sampled, {"largest": largest, "median": middle})
    shares = {
        f"{sign}, {name}": [
            getattr(sample.layers[name], sign) if name in sample.layers else np.nan for sample in samples
        ]
        for sign in ("dead", "saturated")
        for name in (samples[-1].layers if samples else ())
    }
    _lines(units, "share of units", sampled, shares, log=False)
    units.set_ylim(-0.03, 1.03)
    return figure


def _lines(
    panel: Axes, title: str, steps: Sequence[int], curves: Mapping[str, Sequence[float]], log: bool = True
) -> None:
    panel.set_title(title, loc="left")
    panel.set_xlabel("step")
    values = np.array([*curves.values()], np.float64)
    shown = positive(values) if log else np.where(np.isfinite(values), values, np.nan)
    if not shown.size or np.isnan(shown).all():
        nothing_to_show(panel)
        return
    if log:
        log_axis(panel, shown)
    thin = slice(None, None, -(-len(steps) // _MOST_POINTS))
    for (called, curve), style in zip(zip(curves, shown, strict=True), line_styles(len(curves)), strict=True):
        if len(steps[thin]) > 60:
            style["marker"] = ""
            style["linewidth"] = 1.0 if called == "loss" else 1.4
        panel.plot(steps[thin], curve[thin], label=called, markevery=max(1, len(steps) // 8), **style)
    if len(curves) > 1:
        panel.legend(loc="best", handlelength=3)
