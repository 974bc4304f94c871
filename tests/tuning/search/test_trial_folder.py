"""The folder of a trial."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.search.pruning.curves import Curves
from rnnzoo.tuning.search.trial_folder import Report, TrialFolder, TrialOutcome


def report(at: float, value: float | None = 1.0) -> Report:
    return Report(time=5.0, at=at, of=2.0, measure="loss", value=value, parameters=7)


def test_reports_are_read_as_they_were_written(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    assert [] == folder.reports()
    for one in (report(0.5), report(1.0, math.inf), report(1.5, 0.1)):
        folder.report(one)
    assert [report(0.5), report(1.0, None), report(1.5, 0.1)] == folder.reports()
    assert "Infinity" not in folder.progress.read_text()


@given(cut=st.integers(0, 400))
def test_a_power_cut_loses_the_last_line_at_most(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = TrialFolder(tmp_path_factory.mktemp("trial"))
    written = [report(at / 4) for at in range(4)]
    for one in written:
        folder.report(one)
    content = folder.progress.read_bytes()
    folder.progress.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    assert written[:whole] == folder.reports()
    folder.report(report(9.0))  # the broken line takes this one with it, and nothing else
    assert written[:whole] == folder.reports()[:whole]


def test_what_is_done_again_is_not_reported_twice(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    for at in (0.5, 1.0, 1.5):
        folder.report(report(at))
    folder.forget_reports(after=1.0)
    assert [0.5, 1.0] == [one.at for one in folder.reports()]


def test_an_outcome_replaces_the_state(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    assert folder.outcome() is None
    folder.state.touch()
    outcome = TrialOutcome(status="pruned", begin=1.0, end=2.0, seconds=1.0, at=0.5, of=2.0, metrics={"val_loss": 3.0})
    folder.conclude(outcome)
    assert outcome == folder.outcome()
    assert not folder.state.exists()
    folder.clear()
    assert folder.outcome() is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "pruned"}'])
def test_a_damaged_outcome_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "outcome.json").write_text(content)
    assert TrialFolder(tmp_path).outcome() is None


def test_curves_are_those_of_the_others_and_grow(tmp_path: Path) -> None:
    first, second, third = (TrialFolder(tmp_path / f"trial_{number}") for number in range(3))
    for folder in (first, second, third):
        folder.path.mkdir()
    curves = Curves(tmp_path)
    assert [] == curves.others(first)
    first.report(report(0.5))
    second.report(report(0.5))
    assert [[report(0.5)]] == curves.others(first)
    second.report(report(1.0))
    assert [[report(0.5), report(1.0)]] == curves.others(first)
    assert 2 == len(curves.others(third))
