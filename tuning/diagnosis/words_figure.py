"""How much each word of a sentence moved a prediction: bars, and the strength of a shading."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from rnnzoo.tuning.diagnosis.word_influences import WordInfluence
from rnnzoo.tuning.pages.drawing import PAINTS, Shape, new_figure, nothing_to_show, positive

__all__ = ["draw_words", "moved", "strengths"]

_DECADES = 4  # what is a ten-thousandth of the largest is left white


def moved(influence: WordInfluence) -> npt.NDArray[np.float64]:
    """(n,) how much the state after each word moved the prediction: the norms of all layers together."""
    norms = np.stack([*influence.states.values()])
    return np.sqrt((norms**2).sum(axis=0))


def strengths(norms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From 0 to 1, by the logarithm: gradients differ by powers of ten, of which a linear scale shows one.

    >>> strengths(np.array([1e-9, 1e-2, 1.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    shown = positive(norms)
    if np.isnan(shown).all():
        return np.zeros(len(shown))
    strength = 1 + np.log10(shown / np.nanmax(shown)) / _DECADES
    result: npt.NDArray[np.float64] = np.nan_to_num(np.clip(strength, 0.0, 1.0))
    return result


def draw_words(influence: WordInfluence, shape: Shape) -> Figure:
    """A bar for each word read, in the order of the text."""
    norms = moved(influence)
    figure, (axes,) = new_figure(shape, 0.9 + 0.19 * len(norms))
    places: Any = range(len(norms))
    shown = positive(norms)
    if np.isnan(shown).all():
        nothing_to_show(axes)
    else:
        floor = float(np.nanmax(shown)) * 10.0**-_DECADES
        axes.set_xscale("log")
        axes.set_xlim(floor, float(np.nanmax(shown)) * 1.5)
        axes.barh(places, np.nan_to_num(np.maximum(shown, floor), nan=floor), color=PAINTS["line-0"], height=0.7)
    axes.set_yticks(places, [word.replace("$", r"\$") for word in influence.words], fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("‖∂L/∂h‖ of the state after the word")
    return figure
