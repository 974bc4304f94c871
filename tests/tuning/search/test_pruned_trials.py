"""Trials that end early: whatever the model, whatever its `fit` does."""

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest
from own_search import EPOCHS, OwnModel, X, Y, search_over

from rnnzoo.tuning.search import Divergence, Hyperband, MedianPruner, Pruner
from rnnzoo.tuning.search.tuner import GuardedTuner

STEPS = 8


class From(Pruner):
    """Prunes every trial from a moment on."""

    def __init__(self, at: float) -> None:
        self.at = at

    def objection(self, mine: Any, others: Sequence[Any], sign: int) -> str | None:
        return "pruned: enough" if mine[-1].at >= self.at else None


def trials(tuner: GuardedTuner) -> list[Any]:
    return [tuner.oracle.trials[name] for name in tuner.oracle.start_order]


def outcomes(tuner: GuardedTuner) -> list[Any]:
    return [tuner.trial_folder(trial.trial_id).outcome() for trial in trials(tuner)]


def test_what_is_worse_than_the_others_ends_within_its_first_epoch(tmp_path: Path) -> None:
    hypermodel = OwnModel((0.05, 0.02, 1e-7))
    tuner = search_over(hypermodel, tmp_path, pruner=MedianPruner(startup=2), report_every=2)
    ended = {
        trial.hyperparameters["rate"]: outcome for trial, outcome in zip(trials(tuner), outcomes(tuner), strict=True)
    }
    hopeless = ended[1e-7]
    assert "pruned" == hopeless.status
    assert hopeless.at < 1.0
    assert hopeless.message.startswith("pruned: loss ")
    assert {"completed"} == {ended[0.05].status, ended[0.02].status}
    assert {"COMPLETED"} == {trial.status for trial in trials(tuner)}
    assert [EPOCHS * STEPS] * 2 == hypermodel.batches[:2]
    assert round(hopeless.at * STEPS) == hypermodel.batches[-1] < STEPS
    assert 0.05 == tuner.get_best_hyperparameters()[0]["rate"]


def test_a_pruned_trial_has_the_validation_loss_that_it_had_reached(tmp_path: Path) -> None:
    tuner = search_over(OwnModel((0.05,)), tmp_path, pruner=From(0.5), report_every=1)
    (trial,), (outcome,) = trials(tuner), outcomes(tuner)
    assert (0.5, 4.0) == (outcome.at, outcome.of)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # KerasTuner builds no optimizer, Keras says that it has no place for its state
        (model,) = tuner.get_best_models()

    assert trial.score == pytest.approx(model.evaluate(X, Y, verbose=0, return_dict=True)["loss"], rel=1e-5)
    assert trial.score == outcome.metrics["val_loss"]


@pytest.mark.parametrize(("every", "at"), [(None, 0.5), (3, 0.75), (10**6, 1.0)])
def test_reports_come_every_so_many_steps_and_after_each_epoch(tmp_path: Path, every: int | None, at: float) -> None:
    tuner = search_over(OwnModel((0.05,)), tmp_path, pruner=From(0.5), report_every=every)
    assert at == outcomes(tuner)[0].at
    measures = [report.measure for report in tuner.trial_folder(trials(tuner)[0].trial_id).reports()]
    assert {"loss"} >= set(measures[:-1])
    assert "val_loss" == measures[-1]


class OwnLoop(OwnModel):
    """A loop that does not look at `model.stop_training`."""

    def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any = (), **kwargs: Any) -> float:
        model.build((None, 3))
        calls = keras.callbacks.CallbackList(callbacks, model=model, epochs=EPOCHS, steps=STEPS)
        calls.on_train_begin()
        for epoch in range(EPOCHS):
            calls.on_epoch_begin(epoch)
            for step in range(STEPS):
                calls.on_train_batch_begin(step)
                calls.on_train_batch_end(step, {"loss": 7.0 - epoch})
            calls.on_epoch_end(epoch, {"loss": 7.0 - epoch, "val_loss": 8.0 - epoch, "val_accuracy": epoch / 10})
        return 1.0


@pytest.mark.parametrize(
    ("objective", "at", "score"),
    [
        (keras_tuner.Objective("val_loss", "min"), 0.5, 7.0),  # the loss stands in
        (keras_tuner.Objective("val_accuracy", "max"), 2.5, 0.1),  # that of the epoch before
        (keras_tuner.Objective("val_accuracy", "max"), 0.5, -1.0 - 0.25 * (1 - 0.5 / EPOCHS)),
    ],
)
def test_a_trial_that_is_stopped_scores_no_better_than_what_is_known_of_it(
    objective: keras_tuner.Objective, at: float, score: float, tmp_path: Path
) -> None:
    divergence = Divergence(bound=1e3, worst=-1.0, spread=0.25) if objective.direction == "max" else None
    options = {} if divergence is None else {"divergence": divergence}
    tuner = search_over(OwnLoop((0.05,)), tmp_path, pruner=From(at), report_every=1, objective=objective, **options)
    (trial,), (outcome,) = trials(tuner), outcomes(tuner)
    assert "pruned" == outcome.status
    assert score == pytest.approx(trial.score)


class ScoredAfterwards(OwnLoop):
    """What is minimised is known after training only, and a large number beside the loss."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        return {"word_errors": 25.0 * super().fit(*args, **kwargs)}


def test_a_loss_stands_in_for_no_objective_in_other_units(tmp_path: Path) -> None:
    objective, divergence = keras_tuner.Objective("word_errors", "min"), Divergence(bound=1e3, worst=100.0)
    tuner = search_over(
        ScoredAfterwards((0.05,)),
        tmp_path,
        pruner=From(0.5),
        report_every=1,
        objective=objective,
        divergence=divergence,
    )
    assert ["pruned"] == [outcome.status for outcome in outcomes(tuner)]
    assert [divergence.score(0.5 / EPOCHS, "min")] == [trial.score for trial in trials(tuner)]


def test_an_execution_that_is_stopped_counts_only_if_it_is_the_first(tmp_path: Path) -> None:
    objective, divergence = keras_tuner.Objective("word_errors", "min"), Divergence(bound=1e3, worst=100.0)
    tuner = search_over(
        ScoredAfterwards((0.05,)),
        tmp_path,
        pruner=From(EPOCHS + 0.5),
        report_every=1,
        objective=objective,
        divergence=divergence,
        executions_per_trial=3,
    )
    assert [("pruned", EPOCHS + 0.5)] == [(outcome.status, outcome.at) for outcome in outcomes(tuner)]
    assert [25.0] == [trial.score for trial in trials(tuner)]


def test_training_losses_prune_no_objective_but_losses(tmp_path: Path) -> None:
    options: Any = {"pruner": From(0.5), "objective": keras_tuner.Objective("val_mae", "min")}
    assert [1.0, 0.5] == [
        outcomes(search_over(OwnModel((0.05,)), tmp_path / str(every), report_every=every, **options))[0].at
        for every in (None, 1)
    ]


def test_nothing_is_pruned_by_a_loss_that_may_come_back(tmp_path: Path) -> None:
    divergence = Divergence(bound=6.5, worst=9.0, steps=STEPS + 1)
    tuner = search_over(OwnLoop((0.05,)), tmp_path, pruner=From(0.5), report_every=1, divergence=divergence)
    (outcome,) = outcomes(tuner)
    assert ("pruned", 1.0) == (outcome.status, outcome.at)  # the validation is below its own bound


def test_a_loop_that_knows_no_stopping_is_stopped(tmp_path: Path) -> None:
    tuner = search_over(OwnLoop((0.05,)), tmp_path, pruner=From(2.1), report_every=1)
    assert (6 + 0.5 + 0.5, "pruned", 2.125) == (
        trials(tuner)[0].score,
        outcomes(tuner)[0].status,
        outcomes(tuner)[0].at,
    )


def test_of_several_executions_the_others_do_not_begin(tmp_path: Path) -> None:
    hypermodel = OwnModel((0.05,))
    tuner = search_over(hypermodel, tmp_path, pruner=From(1.5), report_every=4, executions_per_trial=3)
    assert [12] == hypermodel.batches
    reports = tuner.trial_folder(trials(tuner)[0].trial_id).reports()
    assert min(report.value for report in reports if report.measure == "val_loss") == trials(tuner)[0].score
    assert (1.5, 12.0) == (outcomes(tuner)[0].at, outcomes(tuner)[0].of)


class Late(OwnModel):
    """The hour is over in the fifth step."""

    def __init__(self, strike: Callable[[], None]) -> None:
        super().__init__()
        self.strike = strike

    def _count(self) -> None:
        super()._count()
        if self.batches[-1] == 5:
            self.strike()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> tuple[Late, float]:
    """A model, and a deadline that comes in its fifth step."""
    deadline = time.time() + 3600
    return Late(lambda: monkeypatch.setattr(time, "time", lambda: deadline + 1)), deadline


def test_a_time_budget_ends_what_runs_and_begins_nothing(tmp_path: Path, late: tuple[Late, float]) -> None:
    hypermodel, deadline = late
    tuner = search_over(hypermodel, tmp_path, deadline=deadline)
    assert 1 == len(trials(tuner))
    assert ("pruned", "ended early: the time budget is spent") == (
        outcomes(tuner)[0].status,
        outcomes(tuner)[0].message,
    )
    assert 5 <= hypermodel.batches[0] < STEPS


def test_a_trial_that_is_stopped_while_its_loss_is_above_the_bound_has_not_diverged(
    tmp_path: Path, late: tuple[Late, float]
) -> None:
    hypermodel, deadline = late
    divergence = Divergence(bound=1e-3)
    tuner = search_over(hypermodel, tmp_path, deadline=deadline, divergence=divergence)
    (outcome,) = outcomes(tuner)
    assert "pruned" == outcome.status
    assert divergence.score(outcome.at / EPOCHS, "min") == trials(tuner)[0].score


def test_the_verdict_is_stored_with_each_trial(tmp_path: Path) -> None:
    tuner = search_over(OwnModel((0.05, 1e-9, 1e9)), tmp_path)
    verdicts = {trial.hyperparameters["rate"]: one for trial, one in zip(trials(tuner), outcomes(tuner), strict=True)}
    assert ["healthy", "stagnating", "exploding"] == [verdicts[rate].verdict for rate in (0.05, 1e-9, 1e9)]
    assert "of the first loss is gone" in verdicts[1e-9].reason
    assert "all losses must be finite, and come back below the search's bound" in verdicts[1e9].reason
    assert "diverged" == verdicts[1e9].status
    assert 3 * 32 + 32 + 32 + 1 == verdicts[0.05].parameters


def test_watched_gradients_are_part_of_the_verdict(tmp_path: Path) -> None:
    class Dead(OwnModel):
        def build(self, hp: Any) -> keras.Model:
            model = keras.Sequential(
                [
                    keras.Input((3, 1)),
                    keras.layers.SimpleRNN(4, activation="relu", bias_initializer=keras.initializers.Constant(-99.0)),
                    keras.layers.Dense(1),
                ]
            )
            model.compile(keras.optimizers.SGD(hp.Choice("rate", [1e-9])), loss="mse")
            return model

    tuner = search_over(Dead(), tmp_path, watch_gradients=True)
    assert "dead" == outcomes(tuner)[0].verdict


def test_hyperband_takes_no_pruner(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hyperband ends trials by itself, so it takes no pruner"):
        Hyperband(
            OwnModel(),
            keras_tuner.Objective("val_loss", "min"),
            divergence=Divergence(bound=1.0),
            pruner=From(1.0),
            directory=tmp_path,
        )
