"""The picture of a card: how the preset learnt, and how far back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rnnzoo.tuning.diagnosis.drawing import Picture, Shape, line_styles, log_axis, new_figure, positive

__all__ = ["card_figure", "zoo_figure"]


def card_figure(card: Mapping[str, Any], name: str) -> Picture:
    """Perplexity epoch by epoch, and the gradient of a single loss against the lag."""

    def draw(shape: Shape) -> Figure:
        return _draw(card, shape)

    return Picture(name, f"{name}: how it learnt, and how far back", "", draw)


def zoo_figure(cards: Mapping[str, Mapping[str, Any]]) -> Picture:
    """The gradient of a single loss against the lag, of each preset by its name."""

    def draw(shape: Shape) -> Figure:
        figure, (axes,) = new_figure(shape, 4.6)
        medians = {name: positive(np.array(card["diagnosis"]["median"])) for name, card in cards.items()}
        # Over the largest: what is compared is how much is left. An LSTM's cell hands nothing on at lag 0.
        left = {name: median / np.nanmax(median) for name, median in medians.items()}
        log_axis(axes, np.concatenate([*left.values()]), decades=8)
        for (name, curve), style in zip(left.items(), line_styles(len(left)), strict=True):
            axes.plot(np.arange(len(curve)), curve, label=name, markevery=(5, 20), **style)
        axes.set_xlim(0, max(map(len, left.values())) - 1)
        axes.set_xlabel("lag k, in words")
        axes.set_ylabel("‖∂L(t)/∂h(t−k)‖, share of the largest")
        figure.legend(loc="outside lower left", ncols=1 if shape.narrow else 3, handlelength=3.6)
        return figure

    return Picture("zoo", "The gradient of a single loss against the lag, of each preset", "", draw)


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
