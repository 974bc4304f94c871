"""How fast a curve of gradient norms against lag falls. Pure functions on NumPy arrays."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["decay_factor", "effective_horizon", "half_life", "left_after", "mean_factor"]

Curve = npt.NDArray[np.float64]
"""(lags + 1,) one value for each lag, lag 0 first."""


def decay_factor(curve: Curve, floor: float = 1e-3) -> float:
    """By how much the curve is multiplied at each step of lag: below 1 it vanishes, above 1 it explodes.

    The factor of the exponential that fits best (least squares on the logarithm), over the lags up to the last one that
    still holds `floor` of the curve's largest value.

    Args:
        curve: (lags + 1,) norms.
        floor: 1e-3: what lies below moves no weight, and a network that forgets at many speeds has its slowest there.

    Returns:
        The factor; 0 where one value is positive and nothing comes after it; NaN where fewer than two of the values
        are positive and finite otherwise.

    >>> round(decay_factor(0.9 ** np.arange(100)), 6)
    0.9
    """
    usable = np.isfinite(curve) & (curve > 0)
    if usable.sum() < 2:
        after = curve[np.flatnonzero(usable)[-1] + 1 :] if usable.any() else curve[:0]
        return 0.0 if len(after) and not after.any() else math.nan
    last = np.flatnonzero(usable & (curve >= floor * curve[usable].max()))[-1]
    lags = np.flatnonzero(usable[: last + 1])
    if len(lags) < 2:  # it falls by more than the floor at the first step
        lags = np.flatnonzero(usable)[:2]
    slope, _ = np.polyfit(lags, np.log(curve[lags]), 1)
    return float(np.exp(slope))


def mean_factor(curve: Curve, lag: int) -> float:
    """By how much the curve is multiplied at each step up to a lag, in the (geometric) mean.

    Unlike the fit it says what is left there: a curve that falls fast first and slowly afterwards has lost most of
    itself long before its fitted half-life. Where edges skip time, gradients come in bundles, with little between two
    of them: what counts as left is the most that arrives from the lag on, up to twice as far.

    Args:
        curve: (lags + 1,) norms. A state that is read only by later steps, as an LSTM's cell is, begins at lag 1.
        lag: the lag to look at; the last one measured, if that is nearer.

    Returns:
        The factor, 0 where nothing is left; NaN where there is no gradient, or only one lag of it.

    >>> curve = np.concatenate([[1.0], 0.1 * 0.99 ** np.arange(100)])
    >>> round(mean_factor(curve, 20) ** 20, 4), round(decay_factor(curve), 2)
    (0.0826, 0.99)
    """
    present = np.flatnonzero(curve > 0)
    if not len(present):
        return math.nan
    first, last = present[0], min(lag, len(curve) - 1)
    if last <= first:
        return math.nan
    grows = curve[last] >= curve[first]
    left = curve[last] if grows else curve[last : 2 * last].max()
    return float((left / curve[first]) ** (1 / (last - first)))


def half_life(factor: float) -> float:
    """After how many steps a curve of that decay factor is at one half: infinity from 1 on, where it never is.

    >>> half_life(0.5), half_life(1.2)
    (1.0, inf)
    """
    if math.isnan(factor):
        return math.nan
    if factor >= 1:
        return math.inf
    return math.log(2) / -math.log(factor) if factor > 0 else 0.0


def left_after(factor: float, steps: int) -> float:
    """What is left after so many steps at that factor each; infinity where it is more than a float can hold.

    >>> left_after(0.5, 3), left_after(2.5, 1000)
    (0.125, inf)
    """
    try:
        return factor**steps
    except OverflowError:
        return math.inf


def effective_horizon(curve: Curve, share: float = 0.95) -> float:
    """The smallest lag up to which the curve holds that share of its sum; NaN if the sum is 0 or not finite.

    Near the last lag measured it says no more than: at least so far.

    >>> effective_horizon(np.array([8.0, 1.0, 0.5, 0.5]))
    2.0
    """
    reached = np.cumsum(curve)
    if not np.isfinite(reached[-1]) or reached[-1] <= 0:
        return math.nan
    return float(np.argmax(reached >= share * reached[-1] * (1 - 1e-12)))
