"""What a measurement of gradient flow says: plain data, which needs neither TensorFlow nor the model."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnzoo.tuning.diagnosis.decay import decay_factor, effective_horizon, half_life, mean_factor

__all__ = ["GradientFlow", "JacobianFlow", "LayerFlow", "StateFlow", "WeightFlow", "as_json", "half_life_as_json"]

Curve = npt.NDArray[np.float64]
"""One value for each lag."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StateFlow:
    """`‖∂L_t/∂s_{t-k}‖` for lag k = 0 … K, over positions t.

    Attributes:
        median, lower, upper: (K + 1,) the middle and the quartiles.
        highest: (K + 1,) the largest: explosions are rare before they are frequent.
        factor: what the median is multiplied by at each step, see `decay_factor`: < 1 vanishes, > 1 explodes.
        half_life: in words; infinite where nothing decays, NaN where there is no factor.
        horizon: the lag up to which the median holds 95 % of its sum; near K it means: at least so far.
    """

    median: Curve
    lower: Curve
    upper: Curve
    highest: Curve
    factor: float
    half_life: float
    horizon: float

    @classmethod
    def from_norms(cls, norms: npt.NDArray[np.float64]) -> "StateFlow":
        """From the norms (positions, K + 1)."""
        with np.errstate(invalid="ignore"):  # between two infinities there is no quartile
            lower, median, upper = np.quantile(norms, (0.25, 0.5, 0.75), axis=0)
        factor = decay_factor(median)
        return cls(
            median=median,
            lower=lower,
            upper=upper,
            highest=norms.max(axis=0),
            factor=factor,
            half_life=half_life(factor),
            horizon=effective_horizon(median),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightFlow:
    """What lag k = 0 … K adds to `∂L_t/∂W`, over positions t.

    Attributes:
        norm: (K + 1,) the median of `‖term_k‖`.
        size_share: (K + 1,) `‖term_k‖ / Σ ‖term‖`, the mean over positions; adds up to 1.
        share: (K + 1,) the part of the gradient that the term makes, `⟨term_k, total⟩ / ‖total‖²`, the mean over
            positions; adds up to 1, and is negative where a term works against the rest.
        total: the median of `‖Σ term_k‖`, the ordinary gradient.
    """

    norm: Curve
    size_share: Curve
    share: Curve
    total: float

    @classmethod
    def from_sizes(cls, norms: npt.NDArray[np.float64], contributions: npt.NDArray[np.float64]) -> "WeightFlow":
        """From `‖term_k‖` and `⟨term_k, total⟩`, each (positions, K + 1)."""
        with np.errstate(invalid="ignore"):  # NaN and infinity stay what they are
            squares = contributions.sum(axis=1)
            return cls(
                norm=np.median(norms, axis=0),
                size_share=_mean_share(norms, norms.sum(axis=1)),
                share=_mean_share(contributions, squares),
                total=float(np.median(np.sqrt(np.maximum(squares, 0.0)))),
            )


def _mean_share(parts: npt.NDArray[np.float64], wholes: npt.NDArray[np.float64]) -> Curve:
    """Shares (K + 1,), the mean over the positions (positions, K + 1) whose whole is not 0; NaN if there is none."""
    reached = wholes != 0
    if not reached.any():
        return np.full(parts.shape[1], np.nan)
    shares: Curve = (parts[reached] / wholes[reached, np.newaxis]).mean(axis=0)
    return shares


@dataclass(frozen=True, kw_only=True, eq=False)
class JacobianFlow:
    """Singular values of `∂s_t/∂s_{t-k}`, the median over a few positions; 0 is what rounding hides.

    Attributes:
        lags: (n,) the k.
        largest, median, smallest: (n,) singular values.
    """

    lags: npt.NDArray[np.int64]
    largest: Curve
    median: Curve
    smallest: Curve


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerFlow:
    """One recurrent layer.

    Attributes:
        name: the layer's name.
        kind: the class of its cell.
        units: the size of its hidden state.
        hidden: the gradient at its hidden state.
        cell: the gradient at the cell of an LSTM, or None.
        weights: for each weight, the terms of its gradient.
        jacobian: of its hidden state.
        cell_jacobian: of the cell of an LSTM, or None.
        spectral_radii: of the blocks of its recurrent kernel, by gate or delay.
    """

    name: str
    kind: str
    units: int
    hidden: StateFlow
    cell: StateFlow | None
    weights: Mapping[str, WeightFlow]
    jacobian: JacobianFlow
    cell_jacobian: JacobianFlow | None
    spectral_radii: Mapping[str, float]

    @property
    def spectral_radius(self) -> float:
        """The largest of its spectral radii, NaN if it has none."""
        return float(np.max([*self.spectral_radii.values()])) if self.spectral_radii else math.nan

    @property
    def half_life(self) -> float:
        """That of the hidden state, in words."""
        return self.hidden.half_life

    @property
    def horizon(self) -> float:
        """That of the hidden state, in words."""
        return self.hidden.horizon


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientFlow:
    """How far back single losses reach in every recurrent layer of a network.

    Attributes:
        layers: the layers, lowest first.
        lags: K, the largest lag.
        positions: the places t in the corpus whose losses were taken.
        warm_up: how many words were read in front of the K + 1.
        loss: the mean of the losses.
        broken_weights: the weights that hold NaN or infinity, and how many of their values are so.
    """

    layers: tuple[LayerFlow, ...]
    lags: int
    positions: tuple[int, ...]
    warm_up: int
    loss: float
    broken_weights: Mapping[str, int]

    def states(self) -> Iterator[tuple[LayerFlow, StateFlow, str]]:
        """Every state that was measured, with its layer and what to call it."""
        for layer in self.layers:
            yield layer, layer.hidden, layer.name
            if layer.cell is not None:
                yield layer, layer.cell, f"{layer.name}, cell"

    def furthest(self, lag: int) -> tuple[LayerFlow, StateFlow, str]:
        """The state of whose gradient most is left so many steps back."""

        def kept(found: tuple[LayerFlow, StateFlow, str]) -> float:
            factor = mean_factor(found[1].median, lag)
            return -1.0 if math.isnan(factor) else factor

        return max(self.states(), key=kept)

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON: lists for arrays, None for what is not a finite number."""
        result: dict[str, Any] = as_json(self)
        for layer, described in zip(self.layers, result["layers"], strict=True):
            described["spectral_radius"] = as_json(layer.spectral_radius)
        return result


def as_json(value: Any) -> Any:
    """Dataclasses, mappings, sequences and arrays of numbers as what JSON knows.

    >>> as_json({"curve": np.array([1.0, np.inf])})
    {'curve': [1.0, None]}
    """
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def half_life_as_json(half_life: float) -> float | str | None:
    """A half-life as what JSON knows and `float` reads, for where no factor stands beside it; None for NaN.

    >>> [half_life_as_json(steps) for steps in (2.5, math.inf, math.nan)]
    [2.5, 'inf', None]
    """
    return "inf" if half_life == math.inf else as_json(half_life)
