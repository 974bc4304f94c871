"""The guarded tuners, over gradient descents that blow up on purpose."""

import json
import math
import re
from pathlib import Path
from typing import Any, Self

import keras
import keras_tuner
import numpy as np
import pytest

from rnnzoo.tuning.search.algorithms import ALGORITHMS, RandomSearch, make_tuner
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.tuner import DIVERGED_AT, GuardedTuner


class Descent(keras_tuner.HyperModel):
    """Gradient descent on a parabola: a learning rate above 1 diverges, the faster the larger it is."""

    def __init__(self, low: float = 0.01, high: float = 100.0, steps: int = 4) -> None:
        super().__init__()
        self.low, self.high, self.steps = low, high, steps
        self.built: list[float] = []

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        self.built.append(hp.Float("learning_rate", self.low, self.high, sampling="log"))
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any, epochs: int, **kwargs: Any) -> Any:
        begin = kwargs.get("initial_epoch", 0)
        called = keras.callbacks.CallbackList(callbacks, add_history=True, model=model, epochs=epochs, steps=self.steps)
        called.on_train_begin()
        weight = 3.0
        for epoch in range(begin, epochs):
            called.on_epoch_begin(epoch)
            for step in range(self.steps):
                logs = {"loss": weight * weight}
                called.on_train_batch_end(step, logs)
                weight -= hp["learning_rate"] * 2 * weight
            called.on_epoch_end(epoch, {**logs, "val_loss": weight * weight})
        called.on_train_end()
        return model.history


def tuner_for(
    folder: Path, hypermodel: keras_tuner.HyperModel, algorithm: str = "random", **kwargs: Any
) -> GuardedTuner:
    kwargs = {"max_trials": 10, "epochs": 3, "seed": 0, "divergence": Divergence(bound=100.0), **kwargs}
    return make_tuner(algorithm, hypermodel, objective="val_loss", directory=folder, project_name="search", **kwargs)


def run(tuner: keras_tuner.Tuner, **kwargs: Any) -> None:
    tuner.search(**{"epochs": 3, "verbose": 0, **kwargs})


def trials(tuner: GuardedTuner) -> list[Any]:
    return [tuner.oracle.trials[name] for name in tuner.oracle.start_order]


def diverged(trial: Any) -> bool:
    return trial.metrics.exists(DIVERGED_AT)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_search_in_which_most_trials_diverge_comes_to_its_end(tmp_path: Path, algorithm: str) -> None:
    tuner = tuner_for(tmp_path, Descent(), algorithm, max_trials=6 if algorithm == "bayesian" else 16)
    run(tuner)
    bad, good = [t for t in trials(tuner) if diverged(t)], [t for t in trials(tuner) if not diverged(t)]
    assert {"COMPLETED"} == {trial.status for trial in trials(tuner)}
    assert len(good) >= 2
    assert len(bad) >= 1
    assert max(trial.score for trial in good) < min(trial.score for trial in bad) <= 150.0
    assert tuner.get_best_hyperparameters()[0]["learning_rate"] < 1.0


def test_sixty_percent_of_diverging_trials_and_more_than_three_in_a_row_do_not_end_it(tmp_path: Path) -> None:
    tuner = tuner_for(tmp_path, Descent(low=0.1), max_trials=20)
    run(tuner)
    pattern = "".join("x" if diverged(trial) else "." for trial in trials(tuner))
    assert 20 == len(pattern)
    assert pattern.count("x") >= 12
    assert "xxxx" in pattern


def test_keras_tuner_itself_gives_up(tmp_path: Path) -> None:
    # Why the guard exists: if KerasTuner learns to live with NaN, this fails and the guard may go.
    tuner = keras_tuner.RandomSearch(Descent(low=50.0, steps=400), "val_loss", 10, seed=1, directory=tmp_path)
    with pytest.raises(RuntimeError, match="consecutive failures"):
        run(tuner)


def test_the_earlier_a_trial_diverges_the_worse_its_score(tmp_path: Path) -> None:
    tuner = tuner_for(tmp_path, Descent(low=1.1), divergence=Divergence(bound=1e9))
    run(tuner, epochs=9)
    bad = [trial for trial in trials(tuner) if diverged(trial)]
    ended = sorted((trial.metrics.get_best_value(DIVERGED_AT), trial.score) for trial in bad)
    assert len({progress for progress, _ in ended}) >= 3
    assert ended == sorted(ended, key=lambda pair: -pair[1])
    assert all(re.match(r"diverged: (val_)?loss is .*, above 1e\+09", trial.message) for trial in bad)


def test_a_keras_fit_ends_in_the_step_in_which_it_diverges(tmp_path: Path) -> None:
    steps: list[int] = []

    class Counting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            steps.append(batch)

        def __deepcopy__(self, memo: Any) -> Self:
            return self

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Float("learning_rate", 1e20, 1e21)), loss="mse")
        return model

    tuner = tuner_for(tmp_path, build, max_trials=2)
    ones = np.ones((8, 1), np.float32)
    run(tuner, x=ones, y=4 * ones, batch_size=1, validation_data=(ones, ones), callbacks=[Counting()])
    assert [0, 1, 0, 1] == steps  # the loss of the second step is the first that shows the damage
    assert [1 / 12, 1 / 12] == [trial.metrics.get_best_value(DIVERGED_AT) for trial in trials(tuner)]


def test_a_result_without_callbacks_is_scored_too(tmp_path: Path) -> None:
    class OwnLoop(Descent):
        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
            return math.inf if hp["learning_rate"] > 1.0 else 1.0

    tuner = tuner_for(tmp_path, OwnLoop())
    run(tuner)
    assert {1.0, 150.0} == {trial.score for trial in trials(tuner)}


@pytest.mark.parametrize("kind", [keras_tuner.RandomSearch, RandomSearch], ids=["KerasTuner", "guarded"])
def test_a_dictionary_of_several_values_is_scored_as_keras_tuner_does(tmp_path: Path, kind: Any) -> None:
    class Epochs(Descent):
        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            return {"val_loss": [2.0, 1.0]}

    options = {} if kind is keras_tuner.RandomSearch else {"divergence": Divergence(bound=100.0)}
    tuner = kind(Epochs(), "val_loss", max_trials=1, directory=tmp_path, **options)
    run(tuner)
    assert [1.5] == [trial.score for trial in trials(tuner)]


@pytest.mark.parametrize("several", [False, True])
def test_a_run_trial_of_a_users_own_is_guarded(tmp_path: Path, several: bool) -> None:
    class BlackBox(RandomSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
            loss = math.nan if trial.hyperparameters.Float("x", 0.0, 1.0) < 0.9 else 1.0
            return {"val_loss": [loss, loss] if several else loss}

    divergence = Divergence(bound=100.0)
    tuner = BlackBox(None, "val_loss", max_trials=6, seed=1, directory=tmp_path, divergence=divergence)
    run(tuner)
    assert {150.0} == {trial.score for trial in trials(tuner) if diverged(trial)}
    outcomes = [tuner.trial_folder(trial.trial_id).outcome() for trial in trials(tuner)]
    assert ["diverged" if diverged(trial) else "completed" for trial in trials(tuner)] == [
        outcome.status for outcome in outcomes if outcome is not None
    ]


def test_a_run_trial_that_hands_on_is_guarded_once(tmp_path: Path) -> None:
    class Longer(RandomSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            return super().run_trial(trial, *args, **{**kwargs, "epochs": 5})

    tuner = Longer(Descent(), "val_loss", max_trials=4, seed=1, directory=tmp_path, divergence=Divergence(bound=100.0))
    run(tuner)
    assert [5.0] * 4 == [outcome.of for name in tuner.oracle.trials if (outcome := tuner.trial_folder(name).outcome())]
    assert any(map(diverged, trials(tuner)))


def test_every_execution_must_be_healthy(tmp_path: Path) -> None:
    class FailsSecond(Descent):
        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
            return math.nan if len(self.built) % 2 else 1.0

    tuner = tuner_for(tmp_path, FailsSecond(), max_trials=2, executions_per_trial=2)
    run(tuner)
    assert [150.0, 150.0] == [trial.score for trial in trials(tuner)]


def test_a_users_own_oracle_is_guarded(tmp_path: Path) -> None:
    oracle = keras_tuner.oracles.RandomSearchOracle("val_loss", max_trials=5, seed=3)
    tuner = GuardedTuner(
        oracle=oracle, hypermodel=Descent(low=2.0), divergence=Divergence(bound=50.0), directory=tmp_path
    )
    run(tuner)
    assert 5 == len(trials(tuner))
    assert all(diverged(trial) for trial in trials(tuner))


def test_hyperband_does_not_go_on_from_a_diverged_trial(tmp_path: Path) -> None:
    tuner = tuner_for(tmp_path, Descent(low=5.0), "hyperband", max_trials=20, epochs=9)
    run(tuner)
    promoted = [trial for trial in trials(tuner) if "tuner/trial_id" in trial.hyperparameters.values]
    assert promoted
    assert all("from which this one goes on" in trial.message for trial in promoted)


def test_hyperband_begins_again_until_there_are_enough_trials(tmp_path: Path) -> None:
    tuner = tuner_for(tmp_path, Descent(), "hyperband", max_trials=4, epochs=1)
    run(tuner, epochs=1)
    assert 4 == len(trials(tuner))
    extended = tuner_for(tmp_path, Descent(), "hyperband", max_trials=6, epochs=1)
    run(extended, epochs=1)
    assert 6 == len(trials(extended))


@pytest.mark.parametrize("algorithm", ["random", "grid", "hyperband"])
def test_a_killed_search_goes_on_where_it_stopped(tmp_path: Path, algorithm: str) -> None:
    class Killed(Descent):
        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            if len(self.built) == 5:  # the first is KerasTuner's own look at the space
                raise KeyboardInterrupt
            return super().fit(hp, model, *args, **kwargs)

    whole, first, second = Descent(), Killed(), Descent()
    expected = tuner_for(tmp_path / "whole", whole, algorithm, max_trials=9)
    run(expected)
    with pytest.raises(KeyboardInterrupt):
        run(tuner_for(tmp_path / "killed", first, algorithm, max_trials=9))
    resumed = tuner_for(tmp_path / "killed", second, algorithm, max_trials=9)
    run(resumed)
    values = [trial.hyperparameters.values for trial in trials(expected)]
    assert values == [trial.hyperparameters.values for trial in trials(resumed)]
    assert whole.built[1:] == first.built[1:-1] + second.built
    again = Descent()
    run(tuner_for(tmp_path / "killed", again, algorithm, max_trials=9))
    assert [] == again.built


@pytest.mark.parametrize("written", ["trial.json", "oracle.json"])
def test_a_search_killed_between_two_files_repeats_no_finished_trial(tmp_path: Path, written: str) -> None:
    first, second = Descent(), Descent()
    run(tuner_for(tmp_path, first, max_trials=3))
    oracle_file, trial_file = tmp_path / "search/oracle.json", tmp_path / "search/trial_2/trial.json"
    oracle = json.loads(oracle_file.read_text())
    if written == "trial.json":  # the trial has begun, the oracle has not heard of it
        oracle["start_order"].pop()
        oracle["end_order"].pop()
        trial_file.write_text(json.dumps({**json.loads(trial_file.read_text()), "status": "RUNNING"}))
    else:  # the trial is over, the oracle believes it to be running
        oracle["ongoing_trials"] = {"tuner0": "2"}
    oracle_file.write_text(json.dumps(oracle))
    resumed = tuner_for(tmp_path, second, max_trials=4)
    run(resumed)
    assert ["0", "1", "2", "3"] == list(resumed.oracle.trials) == resumed.oracle.end_order
    assert {"COMPLETED"} == {trial.status for trial in trials(resumed)}
    assert {"trial.json": 2, "oracle.json": 1}[written] == len(second.built)


def test_the_seed_decides_the_trials_and_zero_is_one(tmp_path: Path) -> None:
    built = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        hypermodel = Descent()
        run(tuner_for(tmp_path / folder, hypermodel, max_trials=2, seed=seed), epochs=1)
        built.append(hypermodel.built[1:])
    assert built[0] == built[1]
    assert built[0] != built[2]


def test_each_trial_is_reported_once_it_is_over(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    run(
        tuner_for(tmp_path, Descent(), max_trials=3, on_trial=lambda trial: seen.append((trial.trial_id, trial.status)))
    )
    assert [("0", "COMPLETED"), ("1", "COMPLETED"), ("2", "COMPLETED")] == seen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"algorithm": "genetic"}, "must be one of random, bayesian, hyperband, grid, but got algorithm='genetic'"),
        ({"max_trials": 0}, "max_trials must be a positive integer, but got max_trials=0"),
    ],
)
def test_mistakes_get_one_clear_line(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tuner_for(tmp_path, Descent(), **arguments)


def test_an_objective_without_a_worst_value_is_refused(tmp_path: Path) -> None:
    objective = keras_tuner.Objective("val_accuracy", "max")
    with pytest.raises(ValueError, match="needs Divergence"):
        RandomSearch(Descent(), objective, divergence=Divergence(bound=1.0), directory=tmp_path)


def test_what_another_search_cannot_import_is_said_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise ImportError("No module named 'protobuf'")

    monkeypatch.setitem(ALGORITHMS, "grid", fail)
    with pytest.raises(ImportError, match="No module named 'protobuf'"):
        tuner_for(tmp_path, Descent(), "grid")


def test_bayesian_search_without_scikit_learn_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras_tuner.src.tuners.bayesian.sklearn", None)
    with pytest.raises(ImportError, match=r"pip install scikit-learn$"):
        tuner_for(tmp_path, Descent(), "bayesian")
