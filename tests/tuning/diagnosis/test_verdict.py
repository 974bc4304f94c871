"""Each rule on numbers just beyond its threshold and just before it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow, JacobianFlow, LayerFlow, StateFlow
from rnnzoo.tuning.diagnosis.signs import LayerSigns, NonFinite, Sample, Signs, VariableSigns
from rnnzoo.tuning.diagnosis.verdict import judge

FALLING = [5.0 - 0.04 * step for step in range(100)]


def flow(norm: float = 1.0, loss: float = 1.0, broken_weights: Mapping[str, int] | None = None) -> GradientFlow:
    """Of one layer whose gradient has that norm at every lag."""
    jacobian = JacobianFlow(lags=np.array([1]), largest=np.ones(1), median=np.ones(1), smallest=np.ones(1))
    layer = LayerFlow(
        name="irnn_0",
        kind="SimpleRNNCell",
        units=4,
        hidden=StateFlow.from_norms(np.full((1, 31), norm)),
        cell=None,
        weights={},
        jacobian=jacobian,
        cell_jacobian=None,
        spectral_radii={},
    )
    return GradientFlow(
        layers=(layer,), lags=30, positions=(40,), warm_up=0, loss=loss, broken_weights=broken_weights or {}
    )


def test_what_was_not_measured_is_not_called_healthy() -> None:
    verdict = judge(Evidence())
    assert verdict.name == "unmeasured"
    assert "neither the gradient's way back nor 12 losses or more were measured" in verdict.reason


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        ({"factor": 0.1 ** (1 / 20) - 1e-6}, "vanishing"),
        ({"factor": 0.1 ** (1 / 20) + 1e-6}, "healthy"),
        ({"factor": 0.5, "losses": [2.0] * 40, "update_ratio": 2.9e-5}, "stagnating"),
        ({"factor": 0.5, "losses": [2.0] * 40, "update_ratio": 3.1e-5}, "vanishing"),
        ({"factor": 0.0}, "vanishing"),
        ({"factor": 0.9}, "healthy"),
        ({"factor": 0.9, "needed_lag": 100}, "vanishing"),
        ({"factor": 10 ** (1 / 20) + 1e-6}, "exploding"),
        ({"factor": 10 ** (1 / 20) - 1e-6}, "healthy"),
        ({"factor": 0.9, "first_factor": 1.5}, "exploding"),
        ({"factor": 1e300}, "exploding"),
        ({"factor": math.nan}, "unmeasured"),
        ({"factor": math.nan, "saturated": {"lstm": 0.5}}, "vanishing"),
        ({"factor": 0.9, "saturated": {"lstm": 0.5}}, "healthy"),
        ({"dead": {"low": 0.1, "high": 0.5}}, "dead"),
        ({"dead": {"low": 0.1, "high": 0.49}}, "unmeasured"),
        ({"factor": 0.95, "dead": {"low": 0.1, "high": 0.49}}, "healthy"),
        ({"losses": [2.0, 2.6] * 20}, "oscillating"),
        ({"losses": [2.0, 2.4] * 20}, "stagnating"),
        ({"losses": [2.0, 2.6] * 20, "update_ratio": 3.1e-5}, "oscillating"),
        ({"losses": [2.0, 2.6] * 20, "update_ratio": 2.9e-5}, "stagnating"),
        ({"losses": [2.0] * 3 + [4.1] + [1.97] * 40, "update_ratio": 0.0}, "stagnating"),
        ({"losses": [2.0, 2.6] * 20, "dead": {"irnn": 1.0}}, "oscillating"),
        ({"losses": [2.0 + 0.2 * step for step in range(60)]}, "exploding"),
        ({"losses": [2.0] * 3 + [4.1] + [1.9] * 40}, "oscillating"),
        ({"losses": [2.0] * 3 + [3.9] + [1.97] * 40}, "stagnating"),
        ({"losses": [2.0] * 3 + [4.1] + [1.5] * 40}, "healthy"),
        ({"losses": [2.0] * 40}, "stagnating"),
        ({"losses": FALLING}, "healthy"),
        ({"losses": [*FALLING, *[math.nan] * 5]}, "exploding"),
        ({"losses": FALLING, "gradient_norms": [1.0, math.inf]}, "exploding"),
        ({"losses": FALLING, "non_finite": ["the weight of lstm/kernel at step 3"]}, "exploding"),
    ],
)
def test_rules(evidence: dict[str, Any], name: str) -> None:
    assert judge(Evidence(**evidence)).name == name


def test_every_finding_names_what_was_measured() -> None:
    verdict = judge(Evidence(factor=0.5, losses=[2.0] * 40, dead={"irnn_0": 0.75}))
    assert [finding.name for finding in verdict.findings] == ["dead", "vanishing", "stagnating"]
    assert [finding.numbers for finding in verdict.findings] == [
        {"irnn_0": 0.75},
        {"left": 0.5**20, "half_life": 1.0},
        {"improvement": 0.0, "swing": 0.0},
    ]
    assert "75% of the units of irnn_0" in str(verdict)


def test_nan_weights_are_named() -> None:
    verdict = judge(Evidence(factor=math.nan, non_finite=["12 values of lstm/kernel are not finite"]))
    assert verdict.reason.startswith("12 values of lstm/kernel are not finite; the rule:")


def test_a_loss_that_is_no_number_is_named() -> None:
    assert judge(Evidence(losses=[2.0, math.nan, math.nan])).reason.startswith("loss 2 of 3 is nan; the rule:")


def test_evidence_of_signs() -> None:
    def variable(gradient: float, ratio: float, clipped: float) -> VariableSigns:
        return VariableSigns(
            gradient_norm=gradient,
            clipped_norm=min(gradient, 1.0),
            clipped=clipped,
            weight_norm=2.0,
            update_ratio=ratio,
            bad_gradients=0.0,
            bad_weights=0.0,
        )

    signs = Signs(losses={1: 3.0, 2: 2.0})
    for step, gradient, ratio, dead in ((1, 3.0, 0.4, 0.0), (2, 4.0, 0.2, 0.5), (4, 0.5, 0.1, 0.7)):
        signs.notice(
            Sample(
                step=step,
                variables={"kernel": variable(gradient, ratio, gradient > 1), "bias": variable(0.0, ratio, 0.0)},
                layers={"irnn": LayerSigns(dead=dead, saturated=0.0, largest=1.0)},
            )
        )
    evidence = Evidence.gather(signs, factor=0.5)
    assert evidence.losses == (3.0, 2.0)
    assert evidence.gradient_norms == (3.0, 4.0, 0.5)
    assert evidence.typical_gradient_norm == 3.0
    assert evidence.clipped_share == pytest.approx(2 / 3)
    assert evidence.update_ratio == pytest.approx(0.15)
    assert evidence.dead == {"irnn": 0.5}
    assert evidence.factor == 0.5
    assert evidence.half_life == 1.0


def test_evidence_names_the_first_place_that_was_not_finite() -> None:
    signs = Signs(first_non_finite=NonFinite(what="gradient", name="lstm/kernel", step=7, others=2))
    assert Evidence.gather(signs).non_finite == (
        "the gradient of lstm/kernel (and of 2 more) was not finite at step 7",
    )


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ({"loss": math.nan}, "the loss of the measured words is not finite"),
        ({"norm": math.inf}, "the gradient of irnn_0 is not finite"),
        ({"loss": math.inf, "broken_weights": {"kernel": 3}}, "3 values of kernel are not finite"),
    ],
)
def test_a_flow_that_is_not_finite_explodes_now_and_before_training(broken: dict[str, Any], what: str) -> None:
    sound, exploded = flow(), flow(**broken)
    now, before = Evidence.gather(flow=exploded, first_flow=sound), Evidence.gather(flow=sound, first_flow=exploded)
    assert (now.non_finite, before.non_finite) == ((what,), (f"before training, {what}",))
    assert [judge(evidence).name for evidence in (now, before)] == ["exploding", "exploding"]


def test_a_needed_lag_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needed_lag must be a positive integer, but got needed_lag=0\."):
        Evidence(needed_lag=0)
