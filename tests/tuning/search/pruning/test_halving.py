"""Asynchronous successive halving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.search.pruning import HalvingPruner
from rnnzoo.tuning.search.trial_folder import Report


def curve(*values: float, of: float = 9.0, measure: str = "loss") -> list[Report]:
    return [Report(time=0.0, at=float(at), of=of, measure=measure, value=one) for at, one in enumerate(values, start=1)]


def run(finals: list[float], pruner: HalvingPruner, epochs: int = 9) -> list[list[Report]]:
    """Trials one after the other, each of which has the same value all along."""
    done: list[list[Report]] = []
    for value in finals:
        mine: list[Report] = []
        for _ in range(epochs):
            mine = curve(*([value] * (len(mine) + 1)))
            if pruner.objection(mine, done, 1):
                break
        done.append(mine)
    return done


def test_between_rungs_nobody_is_asked() -> None:
    others = [curve(1, 1, 1, 1)] * 5
    assert HalvingPruner().objection(curve(9, 9), others, 1) is None
    assert HalvingPruner().objection(curve(9, 9, 9), others, 1) is not None


def test_the_first_goes_on_and_so_does_whoever_is_better() -> None:
    assert [9, 9, 1, 9, 1] == [len(one) for one in run([5.0, 4.0, 4.5, 3.0, 6.0], HalvingPruner())]


def test_of_many_a_third_goes_on() -> None:
    others = [curve(float(value)) for value in range(8)]
    passes = [HalvingPruner().objection(curve(mine), others, 1) is None for mine in (1.5, 2.5, 3.5)]
    assert [True, False, False] == passes  # of nine the three best: 0, 1 and 1.5


def test_others_that_never_reached_the_rung_do_not_count() -> None:
    others = [curve(1, 1)] * 5
    assert HalvingPruner().objection(curve(2, 2, 2), others, 1) is None


@given(st.permutations(list(range(1, 31))))
def test_the_best_survives_any_order_and_most_of_the_work_is_saved(order: list[int]) -> None:
    done = run([float(one) for one in order], HalvingPruner())
    assert 9 == len(done[order.index(1)])
    assert sum(len(one) for one in done) <= 30 * 9


def test_a_shuffled_search_costs_less_than_half() -> None:
    import random

    order = [float(one) for one in range(30)]
    random.Random(1).shuffle(order)
    assert sum(len(one) for one in run(order, HalvingPruner())) < 30 * 9 / 2


@pytest.mark.parametrize(("arguments", "message"), [({"factor": 1}, "factor must be"), ({"rungs": 0}, "rungs must be")])
def test_mistakes(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HalvingPruner(**arguments)
