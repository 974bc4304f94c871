"""When a trial counts as diverged, and what it scores."""

import math

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.search.divergence import Divergence

LOSS = keras_tuner.Objective("val_loss", "min")
ACCURACY = keras_tuner.Objective("val_accuracy", "max")

finite = st.floats(-1e6, 1e6, allow_subnormal=False)
shares = st.floats(0, 1)


@given(bound=finite, progress=shares, later=shares)
def test_diverged_trials_are_worse_than_healthy_ones_and_worse_the_earlier_they_end(
    bound: float, progress: float, later: float
) -> None:
    divergence = Divergence(bound=bound)
    progress, later = sorted((progress, later))
    assert bound < divergence.score(later, "min") <= divergence.score(progress, "min") < math.inf


def test_a_worst_value_of_zero_leaves_room_below_it() -> None:
    divergence = Divergence(bound=20.0, worst=0.0)
    assert [-1.0, -0.5, -0.01] == [divergence.score(progress, "max") for progress in (0.0, 0.5, 1.0)]


def test_a_maximised_objective_is_scored_downwards() -> None:
    divergence = Divergence(bound=20.0, worst=0.5, spread=2.0)
    assert [-1.5, -0.5, 0.48] == [divergence.score(progress, "max") for progress in (0.0, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ({"loss": 20.0, "val_loss": 20.0}, None),
        ({}, None),
        ({"loss": math.nan}, "loss is nan"),
        ({"loss": -math.inf}, "loss is -inf"),
        ({"loss": 1e30}, None),  # of an epoch whose first steps were bad
        ({"loss": 1e30, "val_loss": 7.0}, None),
        ({"loss": 1.0, "val_loss": math.inf}, "val_loss is inf"),
        ({"loss": 1.0, "val_loss": 21.0}, "val_loss is 21, above 20"),
    ],
)
def test_symptoms(logs: dict[str, float], expected: str | None) -> None:
    assert expected == Divergence(bound=20.0).symptom(logs, LOSS)


def test_a_maximised_objective_diverges_downwards() -> None:
    divergence = Divergence(bound=20.0, worst=0.0)
    assert divergence.symptom({"loss": 1.0, "val_accuracy": 0.3}, ACCURACY) is None
    assert divergence.symptom({"val_accuracy": -0.5}, ACCURACY) == "val_accuracy is -0.5, below 0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bound": math.inf}, "bound must be a finite number, but got bound=inf."),
        ({"bound": 1.0, "worst": math.nan}, "worst must be a finite number, but got worst=nan."),
        ({"bound": 1.0, "spread": -1.0}, "spread must be at least 0 and finite, but got spread=-1.0."),
        ({"bound": 1.0, "steps": 0}, "steps must be a positive integer, but got steps=0."),
    ],
)
def test_a_rule_is_finite(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Divergence(**arguments)


def test_objectives_that_cannot_be_scored_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needs Divergence\(worst=...\).* but got worst=None for val_accuracy"):
        Divergence(bound=1.0).check_objective(ACCURACY)
    several = keras_tuner.oracles.RandomSearchOracle(["val_loss", "loss"]).objective
    with pytest.raises(ValueError, match="must have one objective, but got Multi"):
        Divergence(bound=1.0).check_objective(several)
