"""Outcomes are kept: nothing is measured twice, and an interruption loses one cell at most."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.memory.cells import AddingCell, Cell, RecallCell, TextCell, measure, read_cell
from rnnzoo.tuning.memory.recall_table import recall_training
from rnnzoo.tuning.memory.tables import TABLES
from rnnzoo.tuning.memory.text_learning import TextOutcome

TOLD: dict[str, Any] = {
    "row": "tiny",
    "network": NetworkConfig(network="irnn", units=4, dropout=0.0),
    "training": recall_training(0.01, seed=0, batch_size=2),
}
TINY = RecallCell(**TOLD, steps=1, ladder=(0,))
ADDING = AddingCell(**TOLD, steps=1, length=4)
TEXT = TextCell(**TOLD)


def test_every_task_gives_an_outcome_that_json_holds() -> None:
    recall = TINY.run()
    assert {"rungs", "diverged", "reach"} == set(recall)
    adding = ADDING.run()
    assert {"error", "steps", "diverged", "solved"} == set(adding)
    json.dumps([recall, adding], allow_nan=False)


@pytest.mark.parametrize("cell", [TINY, ADDING, TEXT], ids=lambda cell: cell.task)
def test_a_cell_is_read_from_what_it_says(cell: Cell) -> None:
    assert cell == read_cell(json.loads(json.dumps({"row": cell.row, **cell.as_dict()})))


def test_a_task_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="task must be recall, adding or text, but got task='addition'"):
        read_cell({"row": "tiny", **TEXT.as_dict(), "task": "addition"})


def test_a_half_life_that_never_ends_is_no_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    half_lives = {"inf": math.inf, None: math.nan, 2.5: 2.5}
    for stored, half_life in half_lives.items():
        outcome = TextOutcome(perplexity=100.0, half_life=half_life, failed=False)
        monkeypatch.setattr("rnnzoo.tuning.memory.cells.learn_text", lambda *_, outcome=outcome: outcome)
        assert {"perplexity": 100.0, "half_life": stored, "failed": False} == TEXT.run()


def test_a_key_is_what_decides_the_outcome() -> None:
    assert TINY.key == replace(TINY, row="other words").key
    changed = [
        replace(TINY, steps=2),
        replace(TINY, ladder=(1,)),
        ADDING,
        TEXT,
        replace(TINY, network=replace(TINY.network, units=5)),
        replace(TINY, training=replace(TINY.training, seed=1)),
    ]
    assert 7 == len({TINY.key, *(cell.key for cell in changed)})


def test_an_interrupted_measurement_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    def run(cell: RecallCell) -> dict[str, Any]:
        ran.append(cell.steps)
        if len(ran) == 2:
            raise KeyboardInterrupt
        return {"reach": cell.steps}

    monkeypatch.setattr(RecallCell, "run", run)
    cells = [replace(TINY, steps=steps) for steps in (1, 2, 3)]
    path = tmp_path / "folder" / "table.json"
    with pytest.raises(KeyboardInterrupt):
        measure(cells, path)
    reported: list[int] = []
    outcomes = measure(cells, path, lambda number, *_: reported.append(number))
    assert [1, 2, 2, 3] == ran
    assert [2, 3] == reported
    assert [1, 2, 3] == [outcomes[cell.key]["reach"] for cell in cells]
    assert measure(cells, path) == outcomes
    assert 4 == len(ran)


def test_what_was_measured_before_an_option_came_up_stays_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (RecallCell, AddingCell):
        monkeypatch.setattr(kind, "run", lambda cell: {"reach": cell.steps})
    path = tmp_path / "table.json"
    measure([TINY, ADDING], path)
    written = json.loads(path.read_text())
    for cell in written["cells"].values():
        del cell["training"]["recurrent_learning_rate"], cell["network"]["longest_lag"]
    written["cells"] = {f"old {key}": cell for key, cell in written["cells"].items()}
    path.write_text(json.dumps(written))
    reported: list[int] = []
    measure([TINY, ADDING], path, lambda number, *_: reported.append(number))
    assert [] == reported


@pytest.mark.parametrize("name", ["recall", "remedies"])
def test_the_measured_file_of_the_notebooks_holds_the_whole_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (RecallCell, TextCell):
        monkeypatch.setattr(kind, "run", lambda cell: pytest.fail(f"{cell.row} is not in it"))
    path, table = Path(__file__).parents[3] / "notebooks" / "measured" / f"{name}.json", TABLES[name]()
    outcomes = measure(table.cells, path)
    assert table.markdown(outcomes) == path.with_suffix(".md").read_text()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match="must be as rnnzoo wrote it, but it is not"):
        measure([TINY], path)
    assert "[1, 2]" == path.read_text()
