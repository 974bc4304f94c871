"""When a trial counts as diverged, and what it scores."""

import math
from typing import Any

import keras
import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.search.divergence import Divergence, DivergenceError, DivergenceGuard

LOSS = keras_tuner.Objective("val_loss", "min")
ACCURACY = keras_tuner.Objective("val_accuracy", "max")

finite = st.floats(-1e6, 1e6)
shares = st.floats(0, 1)


def history(**values: list[float]) -> keras.callbacks.History:
    recorded = keras.callbacks.History()
    recorded.epoch = list(range(len(next(iter(values.values())))))
    recorded.history = values
    return recorded


def guard(divergence: Divergence, *, epochs: int, steps: int | None, first_epoch: int = 0) -> DivergenceGuard:
    callback = DivergenceGuard(divergence, LOSS)
    callback.set_params({"epochs": epochs, "steps": steps})
    callback.on_train_begin()
    callback.on_epoch_begin(first_epoch)
    return callback


@given(bound=finite, progress=shares, later=shares)
def test_diverged_trials_are_worse_than_healthy_ones_and_worse_the_earlier_they_end(
    bound: float, progress: float, later: float
) -> None:
    divergence = Divergence(bound=bound)
    progress, later = sorted((progress, later))
    assert bound <= divergence.score(later, "min") <= divergence.score(progress, "min") < math.inf


def test_a_maximised_objective_is_scored_downwards() -> None:
    divergence = Divergence(bound=20.0, worst=0.0, spread=1.0)
    assert [-1.0, -0.5, 0.0] == [divergence.score(progress, "max") for progress in (0.0, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ({"loss": 20.0, "val_loss": 20.0}, None),
        ({}, None),
        ({"loss": math.nan}, "loss is nan"),
        ({"loss": -math.inf}, "loss is -inf"),
        ({"loss": 20.5}, "loss is 20.5, above 20"),
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
    ("results", "progress"),
    [
        (math.nan, 0.0),
        ({"val_loss": math.inf}, 0.0),
        ([{"val_loss": 1.0}, {"val_loss": 99.0}], 0.0),
        (history(loss=[1.0, math.nan], val_loss=[1.0, 1.0]), 1.0),
        ([history(val_loss=[99.0, 1.0, 1.0, 1.0])], 0.25),
    ],
)
def test_unhealthy_results_are_found_whatever_fit_returns(results: Any, progress: float) -> None:
    with pytest.raises(DivergenceError) as raised:
        Divergence(bound=20.0).examine(results, LOSS)
    assert progress == raised.value.progress


@pytest.mark.parametrize("results", [1.0, {"val_loss": 1.0}, [history(loss=[2.0], val_loss=[1.0])], None])
def test_healthy_results_pass(results: Any) -> None:
    Divergence(bound=20.0).examine(results, LOSS)


def test_the_guard_says_when_and_how_far() -> None:
    callback = guard(Divergence(bound=20.0), epochs=4, steps=10)
    callback.on_train_batch_end(0, {"loss": 5.0})
    callback.on_epoch_end(0, {"loss": 5.0, "val_loss": 6.0})
    callback.on_epoch_begin(1)
    with pytest.raises(DivergenceError, match=r"^loss is nan in epoch 2, step 5$") as raised:
        callback.on_train_batch_end(4, {"loss": math.nan})
    assert 0.375 == raised.value.progress


def test_progress_counts_from_before_an_interruption() -> None:
    callback = DivergenceGuard(Divergence(bound=20.0), LOSS, first_epoch=1)
    callback.set_params({"epochs": 9, "steps": 10})
    callback.on_train_begin()
    callback.on_epoch_begin(5)
    with pytest.raises(DivergenceError) as raised:
        callback.on_train_batch_end(9, {"loss": math.inf})
    assert 5 / 8 == raised.value.progress


def test_progress_counts_from_the_epoch_that_fit_began_with() -> None:
    callback = guard(Divergence(bound=20.0), epochs=9, steps=None, first_epoch=3)
    with pytest.raises(DivergenceError) as raised:
        callback.on_train_batch_end(7, {"loss": math.inf})
    assert 0.0 == raised.value.progress
    callback.on_epoch_begin(5)
    with pytest.raises(DivergenceError, match="val_loss is inf after epoch 6") as raised:
        callback.on_epoch_end(5, {"loss": 1.0, "val_loss": math.inf})
    assert 0.5 == raised.value.progress


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bound": math.inf}, "bound must be finite, but got bound=inf."),
        ({"bound": 1.0, "worst": math.nan}, "worst must be finite, but got worst=nan."),
        ({"bound": 1.0, "spread": -1.0}, "spread must not be negative, but got spread=-1.0."),
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
