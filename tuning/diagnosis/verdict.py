"""What ails a network, from stated rules on measured numbers.

The thresholds were set on networks whose fate is known, in `tests/fates.py`, on seeds other than those
that they are tested on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.trends import SHORTEST_HISTORY, LossTrend, loss_trend

__all__ = ["VERDICTS", "Finding", "Verdict", "judge"]

VERDICTS = ("exploding", "oscillating", "dead", "vanishing", "stagnating", "healthy", "unmeasured")
"""In the order in which they are looked for: causes before what follows from them."""

GROWN = 10.0  # times, over the needed lag
VANISHED = 0.1  # of the gradient left, over the needed lag
STILL = 3e-5  # of the weights' size, in one step: too little to judge by what became of them
MANY_UNITS = 0.5  # of a layer's units
BLOWN_UP = 3.0  # times the first loss
LARGE_SWING = 0.25  # of the first loss, from one step to the next
OVERSHOT = 2.0  # times the first loss at some step,
REGAINED = 0.2  # of the first loss gone in the end, or the overshooting was never made good
STANDSTILL = 0.02  # of the first loss gone


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, or that nothing is, or that nobody can say.

    Attributes:
        name: one of `VERDICTS`.
        reason: the rule and what was measured, in a sentence.
        numbers: the measured numbers that the rule read, by name.
    """

    name: str
    reason: str
    numbers: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found.

    Attributes:
        findings: all that is wrong, the likeliest cause first; or the one finding that nothing is, or that too little
            was measured to say so.
    """

    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The first finding's name."""
        return self.findings[0].name

    @property
    def reason(self) -> str:
        """The first finding's reason."""
        return self.findings[0].reason

    def __str__(self) -> str:
        return "\n".join(f"{finding.name}: {finding.reason}" for finding in self.findings)


def judge(evidence: Evidence) -> Verdict:
    """Speak the verdict that the evidence calls for.

    The rules, in their order; each needs its numbers and is silent without them:

    - **exploding**: a loss, a gradient or a weight is not finite; or the gradient of a single loss grows at least
      10-fold over the needed lag, before training or now; or the loss ends, without jumping, at three times its first
      value or more.
    - **oscillating**: in the later half of training the loss jumps by a quarter of its first value, or more, from one
      step to the next (the median jump); or it has once been at twice its first value, or more, and in the end less
      than a fifth of that is gone. Not where steps are shorter than 0.003 % of the weights' size: the batches differ so
      much, and a slower training would jump as far.
    - **dead**: half of a layer's units, or more, put out nothing but 0.
    - **stagnating**: less than 2 % of the first loss is gone in the end, or less than the loss jumps from one step to
      the next, which is chance; looked for before the next where the steps are so short that the network is still the
      one that it began as.
    - **vanishing**: over the needed lag a tenth of the gradient is left, or less; or, where the gradient's way back was
      not measured, half of a layer's units are saturated.
    - **healthy**: none of these, and the gradient's way back or the loss was measured.
    - **unmeasured**: none of these, and neither was.

    Example:
        >>> for part in judge(Evidence(factor=0.5)).reason.split("; "):
        ...     print(part)
        20 steps back 9.5e-07 of the gradient are left, it halves every 1.0 steps on the way
        the rule: at most 0.1.
        >>> judge(Evidence(factor=0.95, non_finite=["the weight of lstm/kernel"])).name
        'exploding'
    """
    trend = loss_trend(evidence.losses)
    last = (_stagnating, _vanishing) if _still(evidence) else (_vanishing, _stagnating)
    rules = (_exploding, _oscillating, _dead, *last)
    findings = tuple(finding for rule in rules if (finding := rule(evidence, trend)) is not None)
    return Verdict(findings=findings or (_without_ailment(evidence, trend),))


def _still(evidence: Evidence) -> bool:
    return evidence.update_ratio is not None and evidence.update_ratio < STILL


def _exploding(evidence: Evidence, trend: LossTrend | None) -> Finding | None:
    if evidence.non_finite:
        reason = f"{'; '.join(evidence.non_finite)}; the rule: everything must be a finite number."
        return Finding(name="exploding", reason=reason, numbers=_growth(evidence))
    for moment, left in (("before training", evidence.left_at_first), ("now", evidence.left_of_gradient)):
        if left is not None and left >= GROWN:
            reason = (
                f"over {evidence.needed_lag} steps back the gradient grows {left:.2g}-fold {moment}; "
                f"the rule: at least {GROWN:g}-fold."
            )
            return Finding(name="exploding", reason=reason, numbers=_growth(evidence))
    if trend is not None and trend.end >= BLOWN_UP and trend.swing < LARGE_SWING:
        reason = f"the loss ended at {trend.end:.2g} times its first value; the rule: at least {BLOWN_UP:g} times."
        return Finding(name="exploding", reason=reason, numbers={"end": trend.end, "peak": trend.peak})
    return None


def _growth(evidence: Evidence) -> dict[str, float]:
    numbers = {
        "factor": evidence.factor,
        "first_factor": evidence.first_factor,
        "gradient_norm": evidence.typical_gradient_norm,
    }
    return {name: value for name, value in numbers.items() if value is not None}


def _dead(evidence: Evidence, trend: LossTrend | None) -> Finding | None:
    dead = {name: share for name, share in evidence.dead.items() if share >= MANY_UNITS}
    if not dead:
        return None
    worst = max(dead, key=lambda name: dead[name])
    reason = f"{dead[worst]:.0%} of the units of {worst} put out nothing but 0; the rule: at least {MANY_UNITS:.0%}."
    return Finding(name="dead", reason=reason, numbers=dead)


def _oscillating(evidence: Evidence, trend: LossTrend | None) -> Finding | None:
    if trend is None or _still(evidence):
        return None
    if trend.swing >= LARGE_SWING:
        reason = (
            f"from one step to the next the loss jumps by {trend.swing:.0%} of its first value; "
            f"the rule: at least {LARGE_SWING:.0%}."
        )
    elif trend.peak >= OVERSHOT and trend.improvement < REGAINED and trend.end < BLOWN_UP:
        reason = (
            f"the loss overshot to {trend.peak:.2g} times its first value, of which {trend.improvement:.0%} is gone in "
            f"the end; the rule: at least {OVERSHOT:g} times, and less than {REGAINED:.0%}."
        )
    else:
        return None
    numbers = {"swing": trend.swing, "peak": trend.peak, "improvement": trend.improvement}
    if evidence.update_ratio is not None:
        numbers["update_ratio"] = evidence.update_ratio
    return Finding(name="oscillating", reason=reason, numbers=numbers)


def _vanishing(evidence: Evidence, trend: LossTrend | None) -> Finding | None:
    left, half_life = evidence.left_of_gradient, evidence.half_life
    if left is not None and half_life is not None and left <= VANISHED:
        reason = (
            f"{evidence.needed_lag} steps back {left:.2g} of the gradient are left, it halves every {half_life:.1f} "
            f"steps on the way; the rule: at most {VANISHED:g}."
        )
        return Finding(name="vanishing", reason=reason, numbers={"left": left, "half_life": half_life})
    saturated = {name: share for name, share in evidence.saturated.items() if share >= MANY_UNITS}
    if half_life is None and saturated:
        worst = max(saturated, key=lambda name: saturated[name])
        reason = (
            f"{saturated[worst]:.0%} of the units of {worst} are saturated, so that next to no gradient passes them; "
            f"the rule: at least {MANY_UNITS:.0%}."
        )
        return Finding(name="vanishing", reason=reason, numbers=saturated)
    return None


def _stagnating(evidence: Evidence, trend: LossTrend | None) -> Finding | None:
    if trend is None or trend.improvement >= max(STANDSTILL, trend.swing):
        return None
    reason = (
        f"{trend.improvement:.1%} of the first loss is gone after {len(evidence.losses)} steps; "
        f"the rule: less than {max(STANDSTILL, trend.swing):.1%}."
    )
    numbers = {"improvement": trend.improvement, "swing": trend.swing}
    if evidence.update_ratio is not None:
        numbers["update_ratio"] = evidence.update_ratio
    return Finding(name="stagnating", reason=reason, numbers=numbers)


def _without_ailment(evidence: Evidence, trend: LossTrend | None) -> Finding:
    measured = []
    numbers: dict[str, float] = {}
    if evidence.half_life is not None:
        endless = math.isinf(evidence.half_life)
        halves = "does not shrink" if endless else f"halves every {evidence.half_life:.1f} steps"
        measured.append(
            f"over {evidence.needed_lag} steps back the gradient {halves}, "
            f"{evidence.left_of_gradient:.2g} of it are left"
        )
        numbers["half_life"] = evidence.half_life
    if trend is not None:
        measured.append(f"{trend.improvement:.0%} of the first loss is gone")
        numbers["improvement"] = trend.improvement
    if not measured:
        reason = (
            "no rule for an ailment applies, but neither the gradient's way back nor "
            f"{SHORTEST_HISTORY} losses or more were measured."
        )
        return Finding(name="unmeasured", reason=reason, numbers={})
    reason = f"{' and '.join(measured)}; no rule for an ailment applies."
    return Finding(name="healthy", reason=reason, numbers=numbers)
