"""`rnnzoo measure`: a table on the screen and in a folder, and one line for each mistake."""

from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Call

from rnnzoo.commands.measure import NAMES
from rnnzoo.tuning.memory.cells import RecallCell
from rnnzoo.tuning.memory.tables import TABLES


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ran: list[str] = []

    def run(cell: RecallCell) -> dict[str, Any]:
        ran.append(cell.row)
        rungs = [{"distance": 5, "steps": 40, "accuracy": 0.5}]
        return {"rungs": rungs, "diverged": False, "reach": 0}

    monkeypatch.setattr(RecallCell, "run", run)
    return ran


def test_a_table_is_printed_and_kept_and_not_measured_again(ran: list[str], tmp_path: Path, call: Call) -> None:
    result = call("measure", "recall", "-o", tmp_path / "measured")
    assert 0 == result.code
    assert "| simple_rnn_tanh | 0 | 50 % |" in result.out
    cells = len(TABLES["recall"]().cells)
    assert f"1/{cells} simple_rnn_tanh, recall, learning rate 0.001, seed 0: diverged False, reach 0" in result.err
    assert result.out == (tmp_path / "measured" / "recall.md").read_text()
    count = len(ran)
    again = call("measure", "recall", "-o", tmp_path / "measured")
    assert (result.out, "", count) == (again.out, again.err, len(ran))


def test_the_command_names_every_table() -> None:
    assert tuple(TABLES) == NAMES


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call) -> None:
    def interrupt(cell: RecallCell) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(RecallCell, "run", interrupt)
    result = call("measure", "recall", "-o", tmp_path)
    assert result.says_in_one_line(130, "Interrupted. Go on with: the same command")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["memory"], "it must be one of recall, adding"),
        (["recall", "--seeds", "0"], "it must be a positive integer, but got 0."),
        (["recall", "--corpus", "python-docs"], "it belongs to remedies."),
    ],
)
def test_wrong_calls(arguments: list[str], message: str, call: Call) -> None:
    assert call("measure", *arguments).says_in_one_line(2, message)
