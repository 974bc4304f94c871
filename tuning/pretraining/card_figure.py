"""The picture of a card: how the preset learnt, and how far back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.models.architectures import ARCHITECTURES
from rnnzoo.tuning.pages.drawing import Picture, Shape, line_styles, log_axis, new_figure, positive

__all__ = ["card_figure", "zoo_figure"]

_FAMILIES = ("gated", "plain", "skip")
"""What networks have in common that a gradient feels: a line of its own for each."""


def card_figure(card: Mapping[str, Any], name: str) -> Picture:
    """Perplexity epoch by epoch, and the gradient of a single loss against the lag."""

    def draw(shape: Shape) -> Figure:
        return _draw(card, shape)

    return Picture(name, f"{name}: how it learnt, and how far back", "", draw)


def zoo_figure(cards: Mapping[str, Mapping[str, Any]]) -> Picture:
    """The gradient of a single loss against the lag, of each preset by its name."""

    def draw(shape: Shape) -> Figure:
        figure, (axes,) = new_figure(shape, 4.2)
        medians = {name: positive(np.array(card["diagnosis"]["median"])) for name, card in cards.items()}
        # Over the largest: what is compared is how much is left. An LSTM's cell hands nothing on at lag 0.
        left = {name: median / np.nanmax(median) for name, median in medians.items()}
        log_axis(axes, np.concatenate([*left.values()]))
        styles = dict(zip(_FAMILIES, line_styles(len(_FAMILIES)), strict=True))
        for name, curve in left.items():
            family = ARCHITECTURES[cards[name]["network"]["network"]].family
            axes.plot(np.arange(len(curve)), curve, **{**styles[family], "marker": None})
        axes.set_xlim(0, max(map(len, left.values())) - 1)
        axes.set_xlabel("lag k, in words")
        axes.set_ylabel("‖∂L(t)/∂h(t−k)‖, share of the largest")
        _name_at_the_end(axes, left)
        return figure

    return Picture("zoo", "The gradient of a single loss against the lag, of each preset", "", draw)


def _name_at_the_end(axes: Axes, curves: Mapping[str, npt.NDArray[np.float64]]) -> None:
    """Each curve's name beside its last value, the names far enough apart to be read."""
    low, high = np.log10(axes.get_ylim())
    place = high
    for name, curve in sorted(curves.items(), key=lambda item: -item[1][-1]):
        end = np.log10(np.fmax(curve[-1], 10.0**low))
        place = min(end, place - 0.05 * (high - low))
        axes.annotate(
            name.removesuffix("_wikitext2"),
            (len(curve) - 1, 10.0**end),
            (1.03, (place - low) / (high - low)),
            textcoords="axes fraction",
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": axes.xaxis.label.get_color(), "linewidth": 0.5, "relpos": (0, 0.5)},
        )


def _draw(card: Mapping[str, Any], shape: Shape) -> Figure:
    figure, (learning, reach) = new_figure(shape, 2.9, *((2, 1) if shape.narrow else (1, 2)))
    train, valid = list(line_styles(2))
    epochs = np.arange(1, len(card["epochs"]) + 1)
    if "perplexity" in card["epochs"][0]:
        learning.plot(epochs, [row["perplexity"] for row in card["epochs"]], label="training, dropout on", **train)
    learning.plot(epochs, [row["val_perplexity"] for row in card["epochs"]], label="validation", **valid)
    learning.set_yscale("log")
    learning.set_yticks(ticks := [80, 100, 150, 200, 300, 500, 1000], [str(tick) for tick in ticks])
    learning.minorticks_off()
    shown = [row[key] for row in card["epochs"] for key in ("perplexity", "val_perplexity") if key in row]
    learning.set_ylim(0.93 * min(shown), 1.07 * max(shown))
    learning.set_xlabel("epoch")
    learning.set_ylabel("perplexity")
    learning.legend()
    median = np.array(card["diagnosis"]["median"])
    if np.isfinite(positive(median)).any():
        log_axis(reach, positive(median))
    reach.plot(np.arange(len(median)), positive(median), **{**train, "marker": None})
    reach.set_xlim(0, len(median) - 1)
    reach.set_xlabel("lag k, in words")
    reach.set_ylabel("‖∂L(t)/∂h(t−k)‖")
    return figure
