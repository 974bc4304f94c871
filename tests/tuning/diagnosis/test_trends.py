"""Histories of losses whose trend one can see."""

import math

import pytest

from rnnzoo.tuning.diagnosis.trends import SHORTEST_HISTORY, loss_trend


def test_a_loss_that_falls_evenly() -> None:
    trend = loss_trend([10.0 - 0.1 * step for step in range(81)])
    assert trend is not None
    assert trend.improvement == pytest.approx((9.8 - 2.95) / 9.8)  # the third loss, the middle of the last quarter
    assert trend.swing == pytest.approx(0.1 / 9.8)
    assert trend.peak == pytest.approx(10 / 9.8)


def test_a_loss_that_jumps_up_and_down() -> None:
    trend = loss_trend([1.0, 2.0] * 20)
    assert trend is not None
    assert (trend.swing, trend.peak) == (1.0, 2.0)


def test_a_first_step_that_overshoots_makes_no_progress_of_what_follows() -> None:
    trend = loss_trend([2.0, 50.0, 40.0] + [10.0] * 30)
    assert trend is not None
    assert trend.improvement == -4.0


def test_one_bad_batch_in_the_end_decides_nothing() -> None:
    assert loss_trend([2.0] * 10 + [1.0] * 20) == loss_trend([2.0] * 10 + [1.0] * 20 + [math.inf])


def test_of_a_short_history_nothing_is_said() -> None:
    assert loss_trend([1.0] * (SHORTEST_HISTORY - 1)) is None
    assert loss_trend([math.nan] * 100) is None
    assert loss_trend([1.0] * SHORTEST_HISTORY) is not None
