"""How every figure is drawn: sizes, colours that a page can change, lines that differ in more than their colour."""

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import cycle, islice
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

__all__ = [
    "PAINTS",
    "Picture",
    "Shape",
    "line_styles",
    "log_axis",
    "new_figure",
    "nothing_to_show",
    "positive",
    "power_of_ten",
]

PAINTS = {
    "ink": "#1f2329",
    "muted": "#5b636e",
    "grid": "#dfe3e8",
    "paper": "#fefefe",
    "line-0": "#0072b2",
    "line-1": "#d55e00",
    "line-2": "#009e73",
    "line-3": "#b4568f",
    "line-4": "#a87400",
    "line-5": "#3f8fc4",
}
"""Each colour of a figure by the name of a page's variable, so that one drawing does for light and dark.

The lines' are Okabe and Ito's, which colour-blind readers tell apart, darkened where white paper asks for it.
"""

_LINES = 6
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (6, 1.5, 1.2, 1.5)))
_MARKERS = "os^DvPX"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": PAINTS["muted"],
    "axes.labelcolor": PAINTS["ink"],
    "axes.titlecolor": PAINTS["ink"],
    "text.color": PAINTS["ink"],
    "xtick.color": PAINTS["muted"],
    "ytick.color": PAINTS["muted"],
    "grid.color": PAINTS["grid"],
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PAINTS["paper"],
    "axes.facecolor": "none",
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Shape:
    """For what a figure is drawn.

    Attributes:
        width: in inches.
        narrow: whether it is for a phone, where what stands side by side has to stand one below the other.
    """

    width: float
    narrow: bool


_WIDE, _NARROW = Shape(7.4, False), Shape(3.7, True)


@dataclass(frozen=True)
class Picture:
    """A figure that can be drawn for any use.

    Attributes:
        name: of its files.
        title: what it shows.
        reading: how to read it.
        draw: draws it in a shape.
    """

    name: str
    title: str
    reading: str
    draw: Callable[[Shape], Figure]

    def png(self) -> bytes:
        """For slides and papers, on white."""
        with _drawn(self.draw, _WIDE) as figure:
            return _saved(figure, format="png", dpi=180)

    def svg(self) -> bytes:
        """The same as curves: letters, too, so that it needs no font."""
        with _drawn(self.draw, _WIDE) as figure, matplotlib.rc_context({"svg.hashsalt": self.name}):
            return _saved(figure, format="svg", metadata={"Date": None})

    def inline(self) -> str:
        """For a page: two drawings, of which its style shows the one that fits the window, in the page's colours."""
        return "".join(self._inline(shape) for shape in (_WIDE, _NARROW))

    def _inline(self, shape: Shape) -> str:
        kind = "narrow" if shape.narrow else "wide"
        prefix = f"{self.name}-{kind}"
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        settings: Any = {"svg.fonttype": "none", "svg.hashsalt": prefix}
        with _drawn(self.draw, shape) as figure, matplotlib.rc_context(settings):
            text = _saved(figure, format="svg", metadata=nothing, transparent=True).decode()
        text = re.sub(r"\s(?:xmlns(?::\w+)?|version)=\"[^\"]*\"", "", text[text.index("<svg") :])
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        for attribute in ('id="', "url(#", 'href="#'):  # ids are of the page, not of a drawing
            text = text.replace(attribute, f"{attribute}{prefix}-")
        for name, paint in PAINTS.items():
            text = text.replace(paint, f"var(--{name})")
        text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
        text = re.sub(r'(<svg )(?:height="[^"]*" )?(?:width="[^"]*" )?', "<svg ", text, count=1)
        text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
        return text.replace("<svg", f'<svg class="{kind}" role="img" aria-label="{escape(self.title)}"', 1)


def new_figure(shape: Shape, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure that no window shows, `height` inches high, and its axes."""
    figure = Figure(figsize=(shape.width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def line_styles(count: int) -> Iterator[dict[str, Any]]:
    """So many lines that can be told apart in grey, too: by dash and marker."""
    places = range(count)
    markers = islice(cycle(_MARKERS), count)
    for place, marker in zip(places, markers, strict=True):
        yield {
            "color": PAINTS[f"line-{place % _LINES}"],
            "linestyle": _DASHES[place % len(_DASHES)],
            "marker": marker,
            "markersize": 4.5,
            "linewidth": 1.7,
        }


def log_axis(axes: Axes, values: npt.NDArray[np.float64]) -> None:
    """A logarithmic vertical axis that ends 12 decades below the largest value: what is further below moves nothing."""
    top, bottom = float(np.nanmax(values)), float(np.nanmin(values))
    axes.set_yscale("log")
    floor = max(bottom, top * 1e-12)
    axes.set_ylim(10.0 ** (math.log10(floor) - 0.3), 10.0 ** (math.log10(top) + 0.3))
    step = max(1, math.ceil(math.log10(top / floor) / 7))
    axes.yaxis.set_major_locator(LogLocator(base=10.0**step))
    axes.yaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if math.log10(top / floor) < 1:  # no power of ten would be in sight
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))


def positive(values: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The values that a logarithmic axis can show, NaN for the others.

    >>> positive([1.0, 0.0, np.inf])
    array([ 1., nan, nan])
    """
    array = np.asarray(values, np.float64)
    return np.where(np.isfinite(array) & (array > 0), array, np.nan)


def nothing_to_show(axes: Axes) -> None:
    """Say so in the picture, rather than leave it empty."""
    axes.text(0.5, 0.5, "no finite number to show", ha="center", va="center", transform=axes.transAxes)


def power_of_ten(value: float, _: Any = None) -> str:
    """A power of ten as a tick is labelled: 100, 10⁻³. The second argument is Matplotlib's."""
    exponent = round(math.log10(value))
    return {0: "1", 1: "10", 2: "100"}.get(exponent, "10" + str(exponent).translate(_SUPERSCRIPTS))


@contextmanager
def _drawn(draw: Callable[[Shape], Figure], shape: Shape) -> Iterator[Figure]:
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE}):
        yield draw(shape)


def _saved(figure: Figure, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, **options)
    return buffer.getvalue()
