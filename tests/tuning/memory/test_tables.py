"""What the tables measure, and how they show it."""

from typing import Any

import pytest

from rnnzoo.models.architectures import NETWORKS
from rnnzoo.tuning.memory.cells import Cell
from rnnzoo.tuning.memory.recall_ladder import LADDER
from rnnzoo.tuning.memory.tables import TABLES


def _outcome(cell: Cell) -> dict[str, Any]:
    if cell.task == "recall":
        learnt = 2 if cell.training.rate < 0.005 else 3
        accuracies = [1.0] * learnt + [0.25]
        rungs = [{"distance": d, "steps": 40, "accuracy": a} for d, a in zip(LADDER, accuracies, strict=False)]
        return {"rungs": rungs, "diverged": False, "reach": LADDER[learnt - 1]}
    if cell.task == "adding":
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
    assert "seeds" not in TABLES["recall"]().title


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
    assert ["tanh, as it is", "101", "3.5", "25", "1 of 3"] == first


@pytest.mark.parametrize(
    ("half_lives", "shown"), [((0.0, 0.0), "0"), (("inf", "inf"), "∞"), ((None, 2.0), "2"), ((None, None), "–")]
)
def test_half_lives_of_no_gradient_and_of_one_that_never_halves_differ(half_lives: Any, shown: str) -> None:
    table = TABLES["remedies"](seeds=2)
    outcomes = {cell.key: _outcome(cell) for cell in table.cells}
    for cell in table.cells:
        if cell.task == "text":
            outcomes[cell.key]["half_life"] = half_lives[cell.training.seed]
    assert shown == table.lines(outcomes)[0][2]


def test_seeds_are_as_many_as_asked_for() -> None:
    seeds = {cell.training.seed for cell in TABLES["remedies"](seeds=2).cells}
    assert {0, 1} == seeds
