"""What a verdict is spoken on: plain numbers, wherever they were measured."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from rnnzoo.models.arguments import whole
from rnnzoo.tuning.diagnosis.decay import half_life, left_after, mean_factor
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow
from rnnzoo.tuning.diagnosis.signs import Sample, Signs

__all__ = ["SENTENCE", "Evidence", "furthest_factor"]

SENTENCE = 20  # words: about an English sentence


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The measured numbers. None, or nothing, is what was not measured; rules that need it then stay silent.

    Attributes:
        factor: what the gradient `‖∂L_t/∂h_{t-k}‖` of a single loss is multiplied by at each step back, in the mean
            over the needed lag, in the layer that reaches furthest: below 1 it shrinks, above 1 it grows.
        first_factor: the same before training.
        needed_lag: how many steps back the network is to learn from; 20, an English sentence.
        losses: of each step, in their order.
        gradient_norms: of all gradients together before clipping, at the sampled steps.
        update_ratio: the norm of a step's change of all weights to the norm of these, the median over the later half
            of the sampled steps that made an update.
        clipped_share: the share of these in which a gradient was clipped.
        dead, saturated: for each recurrent layer the share of such units, the median over the last samples.
        non_finite: what was not finite and where, such as "the weight of lstm/kernel at step 31"; if nothing is given,
            the first of the losses or of the gradient norms that was not.
        learning_rate: the one that training began with.

    Example:
        >>> Evidence(factor=0.5).left_of_gradient
        9.5367431640625e-07
    """

    factor: float | None = None
    first_factor: float | None = None
    needed_lag: int = SENTENCE
    losses: Sequence[float] = ()
    gradient_norms: Sequence[float] = ()
    update_ratio: float | None = None
    clipped_share: float | None = None
    dead: Mapping[str, float] = field(default_factory=dict)
    saturated: Mapping[str, float] = field(default_factory=dict)
    non_finite: Sequence[str] = ()
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "needed_lag", whole("needed_lag", self.needed_lag, least=1))
        if not self.non_finite:
            first = (*_first_non_finite("loss", self.losses), *_first_non_finite("gradient norm", self.gradient_norms))
            object.__setattr__(self, "non_finite", first)

    @property
    def left_of_gradient(self) -> float | None:
        """The share of the gradient that is left after `needed_lag` steps; above 1 where it grows."""
        return _left_after(self.factor, self.needed_lag)

    @property
    def left_at_first(self) -> float | None:
        """The same before training."""
        return _left_after(self.first_factor, self.needed_lag)

    @property
    def half_life(self) -> float | None:
        """In how many steps back the gradient halves, at that factor; infinite where it does not shrink."""
        return None if self.factor is None or math.isnan(self.factor) else half_life(self.factor)

    @property
    def typical_gradient_norm(self) -> float | None:
        """The median of the finite `gradient_norms`."""
        finite = [norm for norm in self.gradient_norms if math.isfinite(norm)]
        return statistics.median(finite) if finite else None

    @classmethod
    def gather(
        cls,
        signs: Signs | None = None,
        flow: GradientFlow | None = None,
        first_flow: GradientFlow | None = None,
        **others: Any,
    ) -> Self:
        """From what was measured, and `others` that cannot be, by their names.

        Args:
            signs: what `GradientHealth` saw.
            flow: what `gradient_flow` measures of the network now.
            first_flow: what it measured before training.
        """
        measured: dict[str, Any] = {} if signs is None else _of_signs(signs)
        if flow is not None:
            measured["factor"] = furthest_factor(flow, others.get("needed_lag", SENTENCE))
            measured["non_finite"] = (*measured.get("non_finite", ()), *_non_finite(flow))
        if first_flow is not None:
            measured["first_factor"] = furthest_factor(first_flow, others.get("needed_lag", SENTENCE))
            at_first = (f"before training, {what}" for what in _non_finite(first_flow))
            measured["non_finite"] = (*at_first, *measured.get("non_finite", ()))
        return cls(**{**measured, **others})


def furthest_factor(flow: GradientFlow, needed_lag: int = SENTENCE) -> float | None:
    """The factor of the layer, or of the LSTM's cell, of which most is left; None where nothing could be measured."""
    _, state, _ = flow.furthest(needed_lag)
    factor = mean_factor(state.median, needed_lag)
    return None if math.isnan(factor) else factor


def _first_non_finite(name: str, values: Sequence[float]) -> tuple[str, ...]:
    broken = ((place, value) for place, value in enumerate(values, 1) if not math.isfinite(value))
    return tuple(f"{name} {place} of {len(values)} is {value}" for place, value in itertools.islice(broken, 1))


def _non_finite(flow: GradientFlow) -> tuple[str, ...]:
    """What is not finite: the weights, or else the loss, or else gradients, each of which follows from those before."""
    weights = tuple(f"{count} values of {name} are not finite" for name, count in flow.broken_weights.items())
    loss = () if math.isfinite(flow.loss) else ("the loss of the measured words is not finite",)
    gradients = tuple(
        f"the gradient of {name} is not finite"
        for _, state, name in flow.states()
        if not np.isfinite(state.median).all()
    )
    return weights or loss or gradients


def _of_signs(signs: Signs) -> dict[str, Any]:
    samples, bad = signs.samples, signs.first_non_finite
    measured: dict[str, Any] = {
        "losses": tuple(loss for _, loss in sorted(signs.losses.items())),
        "gradient_norms": tuple(sample.gradient_norm for sample in samples),
        "clipped_share": signs.clipped_share,
        "non_finite": () if bad is None else (str(bad),),
    }
    if samples:
        ratio = _median(_update_ratio(sample) for sample in samples[len(samples) // 2 :])
        measured["update_ratio"] = None if math.isnan(ratio) else ratio
        for sign in ("dead", "saturated"):
            measured[sign] = {
                name: _median(getattr(sample.layers[name], sign) for sample in samples[-3:] if name in sample.layers)
                for name in samples[-1].layers
            }
    return measured


def _update_ratio(sample: Sample) -> float:
    signs = [one for one in sample.variables.values() if not math.isnan(one.clipped)]  # the others had no update
    if not signs:
        return math.nan
    weights = math.hypot(*(s.weight_norm for s in signs))
    return math.hypot(*(s.update_ratio * s.weight_norm for s in signs)) / weights if weights else 0.0


def _median(values: Any) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else math.nan


def _left_after(factor: float | None, steps: int) -> float | None:
    return None if factor is None or math.isnan(factor) else left_after(factor, steps)
