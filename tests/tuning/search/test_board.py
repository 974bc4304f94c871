"""What a person sees of a search."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rnnzoo.tuning.search.board import Board
from rnnzoo.tuning.search.trial_folder import Report, TrialFolder, TrialOutcome


def console(terminal: bool = True, height: int = 30, width: int = 110) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, height=height, color_system=None)


def add(folder: Path, name: str, values: dict[str, Any], *reports: Report, outcome: TrialOutcome | None = None) -> None:
    path = folder / "trials" / f"trial_{name}"
    path.mkdir(parents=True)
    (path / "trial.json").write_text(json.dumps({"hyperparameters": {"values": values}}))
    for report in reports:
        TrialFolder(path).report(report)
    if outcome is not None:
        TrialFolder(path).conclude(outcome)


def outcome(status: str, score: float = 3.5, verdict: str | None = "healthy") -> TrialOutcome:
    return TrialOutcome(
        status=status,
        begin=0.0,
        end=60.0,
        seconds=60.0,
        at=2.0,
        of=2.0,
        verdict=verdict,
        metrics={"val_loss": score},
        parameters=12345,
    )


def shown(folder: Path, height: int = 30, trials: int = 20, width: int = 110) -> str:
    to = console(height=height, width=width)
    to.print(Board(folder, trials, to).render())
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "search.json").write_text('{"networks": {"irnn": {}}}')
    add(tmp_path, "00", {"learning_rate": 0.25}, outcome=outcome("completed"))
    add(tmp_path, "00 copy", {"learning_rate": 0.25}, outcome=outcome("completed"))  # somebody's, none of the search
    add(tmp_path, "01", {"learning_rate": 90.0}, outcome=outcome("diverged", 30.0, "exploding"))
    add(tmp_path, "02", {"learning_rate": 0.5, "tuner/epochs": 2}, outcome=outcome("completed", 3.25, "stagnating"))
    add(tmp_path, "03", {"learning_rate": 0.1}, outcome=outcome("pruned", 4.0))
    now = time.time()
    running = [Report(time=now - 30 + n, at=n / 20, of=2.0, measure="loss", value=5.0 - n / 20) for n in range(1, 31)]
    add(tmp_path, "04", {"learning_rate": 0.2}, *running)
    return tmp_path


def test_each_trial_is_a_row(folder: Path) -> None:
    rows = [line.split() for line in shown(folder).splitlines()]
    assert ["1", "irnn", "12,345", "learning_rate=0.25", "2/2", "3.5", "healthy"] == rows[1]
    assert ["2", "irnn", "12,345", "learning_rate=90", "2/2", "diverged"] == rows[2]
    assert ["3", "irnn", "12,345", "learning_rate=0.5", "2/2", "3.25", "stagnating"] == rows[3]
    assert ["4", "irnn", "12,345", "learning_rate=0.1", "2/2", "4", "pruned"] == rows[4]
    assert ["5", "irnn", "learning_rate=0.2", "1.5/2", "3.5", "running", "10", "s"] == rows[5]
    assert "4 of 20 trials, 1 diverged; best: 3.25 in trial 3; about 16 min 0 s left" == " ".join(rows[6])


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_cuts_neither_score_nor_verdict(width: int, tmp_path: Path) -> None:
    values = {"network": "simple_rnn_leaky_relu", "learning_rate": 0.00123, "clipnorm": 0.0345, "units": 100}
    add(tmp_path, "0", values, outcome=outcome("completed", 12.345678, "stagnating"))
    lines = shown(tmp_path, width=width).splitlines()
    assert "weights" not in lines[0]
    assert ["2/2", "12.35", "stagnating"] == lines[1].split()[-3:]
    assert "learnin" in lines[1]
    assert width >= max(map(len, lines))


def test_what_runs_is_shown_however_small_the_terminal(folder: Path) -> None:
    text = shown(folder, height=8)
    assert "running" in text
    assert "learning_rate=0.25" not in text
    assert len(text.splitlines()) <= 8


def test_values_are_written_as_everywhere(tmp_path: Path) -> None:
    add(tmp_path, "0", {"learning_rate": 0.123456, "normalization": None})
    assert ["learning_rate=0.1235", "normalization=none", "running"] == shown(tmp_path).splitlines()[1].split()[1:]


def test_values_of_choices_name_their_own_network(tmp_path: Path) -> None:
    add(tmp_path, "0", {"network": "gru", "units": 8})
    assert ["1", "gru", "units=8", "running"] == shown(tmp_path).splitlines()[1].split()


def test_trials_are_in_their_order_however_wide_their_numbers(tmp_path: Path) -> None:
    for name in ("0", "9", "1", "10"):
        add(tmp_path, name, {})
    assert ["1", "2", "10", "11"] == [line.split()[0] for line in shown(tmp_path).splitlines()[1:5]]


def test_a_search_that_has_not_begun(tmp_path: Path) -> None:
    assert "0 of 20 trials" in shown(tmp_path / "nowhere")


def test_a_trial_whose_files_are_being_written(tmp_path: Path) -> None:
    (tmp_path / "trials/trial_0").mkdir(parents=True)
    for text in ("{", "[]"):
        (tmp_path / "trials/trial_0/trial.json").write_text(text)
        assert "running" in shown(tmp_path)


def test_lines_where_there_is_no_terminal(folder: Path) -> None:
    to = console(terminal=False)
    with Board(folder, 20, to) as board:
        board.trial_over("trial 1/20: [bold] learning_rate=0.25")
        board.say("trial 2/20 was lost.")
    assert isinstance(to.file, io.StringIO)
    assert "trial 1/20: [bold] learning_rate=0.25\ntrial 2/20 was lost.\n" == to.file.getvalue()


def test_a_terminal_shows_the_table_and_says_what_it_does_not_hold(folder: Path) -> None:
    to = console()
    with Board(folder, 20, to) as board:
        board.trial_over("trial 1/20: learning_rate=0.25")
        board.say("The chief died by SIGKILL; another takes its place.")
    assert isinstance(to.file, io.StringIO)
    text = to.file.getvalue()
    assert "The chief died" in text
    assert "trial 1/20" not in text
    assert "best: 3.25 in trial 3" in text
