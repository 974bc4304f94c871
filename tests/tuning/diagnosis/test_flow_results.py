"""From norms to what is said of them, and on to JSON."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from rnnzoo.tuning.diagnosis.flow_results import GradientFlow, JacobianFlow, LayerFlow, StateFlow, WeightFlow

LAGS = np.arange(31)


def layer(**changes: object) -> LayerFlow:
    curve = np.ones(31)
    singular = JacobianFlow(lags=np.array([1, 30]), largest=np.ones(2), median=np.ones(2), smallest=np.zeros(2))
    made = LayerFlow(
        name="lstm_0",
        kind="LSTMCell",
        units=4,
        hidden=StateFlow.from_norms(np.outer([1.0, 3.0, 2.0], 0.5**LAGS)),
        cell=None,
        weights={"bias": WeightFlow(norm=curve, size_share=curve / 31, share=curve / 31, total=2.0)},
        jacobian=singular,
        cell_jacobian=None,
        spectral_radii={"input": 0.5, "forget": 0.9},
    )
    return replace(made, **changes)


def test_a_state_by_its_positions() -> None:
    flow = layer().hidden
    np.testing.assert_allclose(flow.median, 2 * 0.5**LAGS)
    np.testing.assert_allclose(flow.lower, 1.5 * 0.5**LAGS)
    np.testing.assert_allclose(flow.upper, 2.5 * 0.5**LAGS)
    np.testing.assert_allclose(flow.highest, 3 * 0.5**LAGS)
    assert (0.5, 1.0, 4.0) == (pytest.approx(flow.factor), pytest.approx(flow.half_life), flow.horizon)
    assert (layer().half_life, layer().horizon) == (flow.half_life, flow.horizon)


def test_every_position_counts_the_same_in_shares() -> None:
    """The second position's gradient is a thousand times as large, its terms are the other way round."""
    contributions = np.array([[3.0, 1.0], [1000.0, 3000.0]])
    flow = WeightFlow.from_sizes(np.array([[3.0, 1.0], [1000.0, 3000.0]]), contributions)
    np.testing.assert_allclose(flow.share, [0.5, 0.5])
    np.testing.assert_allclose(flow.size_share, [0.5, 0.5])
    assert flow.total == pytest.approx((2.0 + math.sqrt(4000.0)) / 2)


def test_positions_that_nothing_reaches_have_no_shares() -> None:
    norms = np.array([[0.0, 0.0], [1.0, 3.0]])
    flow = WeightFlow.from_sizes(norms, np.array([[0.0, 0.0], [4.0, 12.0]]))
    np.testing.assert_allclose(flow.share, [0.25, 0.75])
    nothing = WeightFlow.from_sizes(np.zeros((2, 2)), np.zeros((2, 2)))
    assert np.all(np.isnan(nothing.share))
    assert np.all(np.isnan(nothing.size_share))
    assert 0 == nothing.total


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_broken_norms_stay_broken_and_raise_nothing(broken: float) -> None:
    norms = np.array([[1.0, broken, broken], [1.0, broken, broken]])
    flow = StateFlow.from_norms(norms)
    assert 1.0 == flow.median[0]
    assert not np.isfinite(flow.median[1:]).any()
    assert math.isnan(flow.half_life)
    assert np.isnan(WeightFlow.from_sizes(norms, norms).share[0]) == math.isnan(broken)


def test_the_spectral_radius_is_the_largest() -> None:
    assert 0.9 == layer().spectral_radius
    assert math.isnan(layer(spectral_radii={}).spectral_radius)
    assert math.isnan(layer(spectral_radii={"input": 0.5, "forget": math.nan}).spectral_radius)


def test_json_has_none_for_what_is_no_number() -> None:
    flow = GradientFlow(
        layers=(layer(), layer(hidden=StateFlow.from_norms(np.ones((2, 31))), spectral_radii={})),
        lags=30,
        positions=(5, 7),
        warm_up=0,
        loss=math.nan,
        broken_weights={"kernel": 2},
    )
    described = json.loads(json.dumps(flow.as_dict(), allow_nan=False))
    first, second = described["layers"]
    assert described["loss"] is None
    assert second["hidden"]["half_life"] is None
    assert second["spectral_radius"] is None
    assert 0.9 == first["spectral_radius"]
    assert 31 == len(first["weights"]["bias"]["share"])
    assert [1, 30] == first["jacobian"]["lags"]
