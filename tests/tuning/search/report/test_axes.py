"""Ticks as people write numbers."""

from rnnzoo.tuning.search.report.axes import axis_of
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial


def test_powers_of_ten_near_1_are_written_out() -> None:
    rates = [2e-4, 0.05, 0.3, 1.5, 20.0, 2e3]
    trials = tuple(
        ReportedTrial(number=n, status="completed", score=1.0, values={"learning_rate": rate})
        for n, rate in enumerate(rates, start=1)
    )
    search = ReportedSearch(
        name="s",
        objective="loss",
        maximised=False,
        log_scales=frozenset({"learning_rate"}),
        trials=trials,
        language=False,
    )
    called = [label for _, label in axis_of(search, "learning_rate", most=9).ticks]
    assert ["10⁻³", "0.01", "0.1", "1", "10", "100", "10³"] == called
