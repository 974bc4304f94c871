"""The median rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.search.pruning import MedianPruner
from rnnzoo.tuning.search.trial_folder import Report

losses = st.lists(st.floats(0.1, 9.0), min_size=1, max_size=6)


def curve(*values: float | None, measure: str = "val_loss", of: float = 8.0) -> list[Report]:
    return [Report(time=0.0, at=float(at), of=of, measure=measure, value=one) for at, one in enumerate(values, start=1)]


def test_nobody_is_pruned_before_there_are_enough_others() -> None:
    pruner = MedianPruner(startup=2)
    assert pruner.objection(curve(9, 9), [curve(1, 1), curve(1, measure="loss")], 1) is None
    assert pruner.objection(curve(9, 9), [curve(1, 1), curve(1, 1)], 1) is not None


def test_who_ended_early_stands_with_what_it_had() -> None:
    others = [curve(8), curve(8), curve(4, 3, 2)]
    assert MedianPruner(startup=3).objection(curve(7, 7, 7), others, 1) is None
    assert MedianPruner(startup=3).objection(curve(7, 7, 7), [*others[1:], curve(4, 3, 2)], 1) is not None


def test_nobody_is_pruned_while_the_training_warms_up() -> None:
    others = [curve(1, 1, 1)] * 5
    assert MedianPruner(warmup=0.5).objection(curve(9, 9, 9), others, 1) is None
    assert MedianPruner(warmup=0.25).objection(curve(9, 9, 9), others, 1) is not None


def test_a_trial_is_judged_by_its_best_and_against_what_others_had_at_the_same_moment() -> None:
    others = [curve(4, 3, 1), curve(4, 3, 1), curve(4, 3, 1)]
    pruner = MedianPruner(startup=3, warmup=0)
    assert pruner.objection(curve(2, 9), others, 1) is None
    assert pruner.objection(curve(5, 2.9), others, 1) is None
    assert pruner.objection(curve(5, 3.1), others, 1) is not None


def test_a_training_loss_is_not_compared_with_a_validation_loss() -> None:
    others = [curve(1, 1, measure="loss")] * 5
    assert MedianPruner(warmup=0).objection(curve(9, 9), others, 1) is None


@given(st.lists(losses, min_size=5, max_size=9), losses)
def test_the_best_of_all_is_never_pruned(others: list[list[float]], mine: list[float]) -> None:
    best = [min([*mine, *(value for other in others for value in other)])] * len(mine)
    assert MedianPruner(warmup=0).objection(curve(*best), [curve(*other) for other in others], 1) is None


@given(st.lists(losses, min_size=5, max_size=9), losses)
def test_what_is_maximised_is_judged_alike(others: list[list[float]], mine: list[float]) -> None:
    pruner = MedianPruner(warmup=0)
    upwards = pruner.objection(curve(*(-one for one in mine)), [curve(*(-one for one in o)) for o in others], -1)
    assert (pruner.objection(curve(*mine), [curve(*other) for other in others], 1) is None) == (upwards is None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"startup": 0}, "startup must be a positive integer"),
        ({"warmup": 1.0}, "warmup must be at least 0 and below 1"),
    ],
)
def test_mistakes(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MedianPruner(**arguments)  # type: ignore[arg-type]
