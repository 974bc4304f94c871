"""Fits on curves whose decay is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.diagnosis.decay import decay_factor, effective_horizon, half_life, mean_factor

LAGS = np.arange(101)


@given(st.floats(0.3, 3.0), st.floats(1e-20, 1e20))
def test_an_exponential_has_its_factor(factor: float, scale: float) -> None:
    assert factor == pytest.approx(decay_factor(scale * factor**LAGS), rel=1e-6)


@given(st.floats(1.0, 300.0))
def test_an_exponential_has_its_half_life(steps: float) -> None:
    assert steps == pytest.approx(half_life(decay_factor(0.5 ** (LAGS / steps))), rel=1e-6)


def test_noise_around_an_exponential() -> None:
    noise = np.random.default_rng(0).lognormal(sigma=0.3, size=LAGS.shape)
    assert 0.9 == pytest.approx(decay_factor(noise * 0.9**LAGS), rel=0.02)


def test_the_tail_that_moves_nothing_is_left_out() -> None:
    slow_tail = 0.5**LAGS + 1e-6 * 0.99**LAGS
    assert 0.5 == pytest.approx(decay_factor(slow_tail), rel=0.01)
    assert 0.9 < decay_factor(slow_tail, floor=1e-9)


@pytest.mark.parametrize(
    "curve", [np.zeros(5), np.full(5, np.nan), np.array([1.0]), np.array([np.inf, 1.0]), np.array([1.0, np.nan, 0.0])]
)
def test_too_few_points_have_no_factor(curve: np.ndarray) -> None:
    assert math.isnan(decay_factor(curve))
    assert math.isnan(half_life(decay_factor(curve)))


@pytest.mark.parametrize("curve", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
def test_what_is_gone_at_once_has_a_half_life_of_nothing(curve: list[float]) -> None:
    assert 0 == decay_factor(np.array(curve)) == half_life(decay_factor(np.array(curve)))


def test_a_fall_past_the_floor_in_one_step() -> None:
    assert 1e-5 == pytest.approx(decay_factor(1e-5 ** LAGS[:5]))


def test_broken_values_are_passed_over() -> None:
    curve = 0.8**LAGS
    curve[[0, 7]] = np.nan, 0.0
    assert 0.8 == pytest.approx(decay_factor(curve), rel=1e-9)


def test_growth_has_no_half_life() -> None:
    assert math.inf == half_life(decay_factor(1.3**LAGS))
    assert math.inf == half_life(1.0)


def test_horizon_of_a_geometric_series() -> None:
    """The sum to lag k is (1 - f^(k + 1)) / (1 - f): 95 % at k + 1 = log 0.05 / log f."""
    expected = math.ceil(math.log(0.05) / math.log(0.9)) - 1
    assert expected == effective_horizon(0.9 ** np.arange(1000))


def test_horizon_of_flat_and_broken_curves() -> None:
    assert 94 == effective_horizon(np.ones(100))
    assert math.isnan(effective_horizon(np.zeros(3)))
    assert math.isnan(effective_horizon(np.array([1.0, np.nan])))


@pytest.mark.parametrize("factor", [0.5, 0.97, 1.0, 1.2])
def test_of_an_exponential_the_mean_factor_is_the_fitted_one(factor: float) -> None:
    curve = factor ** np.arange(60.0)
    assert factor == pytest.approx(mean_factor(curve, 20))
    assert factor == pytest.approx(mean_factor(np.concatenate([[0.0], curve]), 20))  # an LSTM's cell


def test_the_mean_factor_does_not_depend_on_how_far_was_measured() -> None:
    curve = np.concatenate([0.7 ** np.arange(15), 0.7**15 * 0.99 ** np.arange(300)])
    assert mean_factor(curve[:60], 20) == mean_factor(curve, 20)
    assert decay_factor(curve[:60]) < decay_factor(curve)


def test_a_lag_in_the_shade_of_a_skip_is_not_lost() -> None:
    curve = np.full(60, 1e-9)
    curve[::25] = 0.9 ** np.arange(3)  # all arrives in bundles, 25 steps apart
    assert 0.9 == pytest.approx(mean_factor(curve, 20) ** 20)


@pytest.mark.parametrize(("curve", "expected"), [([0.0, 0.0], math.nan), ([1.0], math.nan), ([1.0, 0.0, 0.0], 0.0)])
def test_the_mean_factor_of_little(curve: list[float], expected: float) -> None:
    assert expected == pytest.approx(mean_factor(np.array(curve), 20), nan_ok=True)
