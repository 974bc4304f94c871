"""What the tables measure, and how they show it."""

import json
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.models.architectures import NETWORKS
from rnnzoo.tuning.memory.cells import AddingCell, Cell, RecallCell, TextCell, read_cell
from rnnzoo.tuning.memory.recall_ladder import LADDER
from rnnzoo.tuning.memory.tables import TABLES

MEASURED = Path(__file__).parents[3] / "notebooks" / "measured"


def _outcome(cell: Cell) -> dict[str, Any]:
    if isinstance(cell, RecallCell):
        learnt = 2 if cell.training.rate < 0.005 else 3
        accuracies = [1.0] * learnt + [0.25]
        rungs = [{"distance": d, "steps": 40, "accuracy": a} for d, a in zip(LADDER, accuracies, strict=False)]
        return {"rungs": rungs, "diverged": False, "reach": LADDER[learnt - 1]}
    if isinstance(cell, AddingCell):
        return {"error": 0.001 * cell.length / 100, "steps": 1250, "diverged": False, "solved": cell.length < 150}
    seed = cell.training.seed
    return {"perplexity": None if seed == 2 else 100.0 + seed, "half_life": 3.0 + seed, "failed": seed == 2}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_as_wide_as_its_heading(name: str) -> None:
    table = TABLES[name]()
    outcomes = {cell.key: _outcome(cell) for cell in table.cells}
    lines = table.lines(outcomes)
    assert {len(table.heading)} == {len(line) for line in lines}
    shown = table.markdown(outcomes).splitlines()
    assert len(lines) + 4 == len(shown)
    assert all(cell.key for cell in table.cells)


def test_recall_and_adding_hold_every_network() -> None:
    for name in ("recall", "adding"):
        assert set(NETWORKS) == {cell.network.network for cell in TABLES[name]().cells}


def test_a_network_is_shown_at_its_better_learning_rate() -> None:
    table = TABLES["recall"]()
    first, *_ = table.lines({cell.key: _outcome(cell) for cell in table.cells})
    assert ["simple_rnn_tanh", "25", "100 %", "100 %", "100 %", "25 %", "", "", "", "0.01"] == first


def test_of_several_seeds_the_middle_one_is_shown_not_the_luckiest() -> None:
    table = TABLES["recall"](seeds=3)
    outcomes = {cell.key: _outcome(cell) for cell in table.cells}
    lucky = next(cell for cell in table.cells if cell.training.seed == 2)
    outcomes[lucky.key] = {"rungs": [{"distance": 5, "steps": 40, "accuracy": 1.0}], "diverged": False, "reach": 200}
    assert ["simple_rnn_tanh", "25"] == table.lines(outcomes)[0][:2]
    assert "the middle one of 3 seeds" in table.title
    assert "one seed" in TABLES["recall"]().title


def test_recall_says_how_many_steps_it_gave() -> None:
    table = TABLES["recall"]()
    assert {400, 4000} == {cell.steps for cell in table.cells}
    assert "400 training steps" in table.title
    assert all(("4,000 steps" in cell.row) == (cell.steps == 4000) for cell in table.cells)


def test_the_spread_goes_from_the_best_seed_to_the_worst() -> None:
    table = TABLES["spread"]()
    assert set(NETWORKS) == {cell.network.network for cell in table.cells[: len(NETWORKS)]}
    assert {3} == {cell.training.epochs for cell in table.cells}
    first, *_ = table.lines({cell.key: _outcome(cell) for cell in table.cells})
    assert ["simple_rnn_tanh", "101", "100", "∞", "3.5", "1 of 3"] == first


def test_solved_is_bold() -> None:
    table = TABLES["adding"]()
    first, *_ = table.lines({cell.key: _outcome(cell) for cell in table.cells})
    assert ["simple_rnn_tanh", "**0.0005** (1,250 steps)", "**0.001** (1,250 steps)", "0.002", "0.004"] == first


def test_a_failed_seed_is_counted_and_its_half_life_is_not() -> None:
    table = TABLES["remedies"]()
    first, *_ = table.lines({cell.key: _outcome(cell) for cell in table.cells})
    assert ["tanh, as it is", "101 (100 to ∞)", "3.5", "25", "1 of 3"] == first


def test_a_remedy_that_replaces_the_network_is_shown_once_for_both_patients() -> None:
    cells = TABLES["remedies"]().cells
    assert len(cells) == len({cell.key for cell in cells})


def test_a_schedule_which_recall_cannot_have_is_not_shown_as_tried_on_it() -> None:
    table = TABLES["remedies"]()
    lines = {line[0]: line for line in table.lines({cell.key: _outcome(cell) for cell in table.cells})}
    assert {"–"} == {lines[f"{name}, learning rate: warm-up, cosine"][3] for name in ("tanh", "ReLU")}


@pytest.mark.parametrize("name", ["recall", "remedies"])
def test_what_is_committed_is_what_its_outcomes_make(name: str) -> None:
    kept = json.loads((MEASURED / f"{name}.json").read_text(encoding="utf-8"))["cells"].values()
    outcomes = {read_cell(cell).key: cell["outcome"] for cell in kept}
    assert TABLES[name]().markdown(outcomes) == (MEASURED / f"{name}.md").read_text(encoding="utf-8")


def test_the_room_shows_the_recall_table_that_is_committed() -> None:
    table = (MEASURED / "recall.md").read_text(encoding="utf-8").split("\n\n", 1)[1]
    assert table in (MEASURED.parents[1] / "tuning" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("half_lives", "shown"), [((0.0, 0.0), "0"), (("inf", "inf"), "∞"), ((None, 2.0), "2"), ((None, None), "–")]
)
def test_half_lives_of_no_gradient_and_of_one_that_never_halves_differ(half_lives: Any, shown: str) -> None:
    table = TABLES["remedies"](seeds=2)
    outcomes = {cell.key: _outcome(cell) for cell in table.cells}
    for cell in table.cells:
        if isinstance(cell, TextCell):
            outcomes[cell.key]["half_life"] = half_lives[cell.training.seed]
    assert shown == table.lines(outcomes)[0][2]


def test_seeds_are_as_many_as_asked_for() -> None:
    seeds = {cell.training.seed for cell in TABLES["remedies"](seeds=2).cells}
    assert {0, 1} == seeds
