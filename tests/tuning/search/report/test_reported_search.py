"""Searches read from their folders."""

import json
import math
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest

from rnnzoo.damaged_files import DamagedFileError
from rnnzoo.tuning.search import Divergence, GridSearch, RandomSearch
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, read_search

ROW = {"number": 1, "status": "completed", "score": 2.0, "values": {"learning_rate": 0.1}, "seconds": 3.0}


def ours(folder: Path, *rows: dict[str, Any]) -> Path:
    numbered = [{**ROW, "number": number, **row} for number, row in enumerate(rows, start=1)]
    (folder / "trials.json").write_text(json.dumps(numbered))
    ranges = {"learning_rate": {"name": "learning_rate", "low": 0.1, "high": 9.0, "log": True}}
    (folder / "search.json").write_text(json.dumps({"hyperparameters": ranges}))
    return folder


def test_a_search_of_ours(tmp_path: Path) -> None:
    rows = [
        {"score": 2.0},
        {"score": 11.0, "status": "diverged", "values": {"learning_rate": 9.0}, "message": "diverged: loss is nan"},
        {"score": 1.0, "values": {"learning_rate": 0.3, "tuner/epochs": 3}},
        {"score": None, "status": "failed", "seconds": None},
    ]
    search = read_search(ours(tmp_path, *rows))
    assert (3, [3, 1]) == (search.best and search.best.number, [trial.number for trial in search.ranked])
    assert ("learning_rate",) == search.names
    assert search.logarithmic("learning_rate")
    assert [3.0, 6.0, 9.0, 9.0] == [trial.ended for trial in search.trials]  # nobody wrote down when they ended


def test_the_clock_is_believed_where_it_was_written_down(tmp_path: Path) -> None:
    rows = [{"begin": 100.0, "end": 130.0}, {"begin": 101.0, "end": 111.0}]
    assert [30.0, 11.0] == [trial.ended for trial in read_search(ours(tmp_path, *rows)).trials]


def test_a_search_of_which_nothing_came_has_no_best(tmp_path: Path) -> None:
    search = read_search(ours(tmp_path, {"status": "diverged"}, {"status": "running", "score": None}))
    assert search.best is None


class Parabola(keras_tuner.HyperModel):
    def build(self, hp: Any) -> keras.Model:
        hp.Float("x", 1e-3, 10.0, sampling="log")
        hp.Choice("colour", ["red", "blue"])
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        score = math.nan if hp["x"] > 1 else hp["x"]
        return {"val_accuracy": score, "val_loss": -score}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What unmodified KerasTuner leaves."""
    folder = tmp_path_factory.mktemp("foreign")
    objective = keras_tuner.Objective("val_accuracy", "max")
    keras_tuner.RandomSearch(
        Parabola(), objective, max_trials=6, seed=3, directory=folder, max_consecutive_failed_trials=9
    ).search(verbose=0)
    return folder / "untitled_project"


def test_any_project_of_keras_tuner(foreign: Path) -> None:
    search = read_search(foreign)
    assert ("val_accuracy", True) == (search.objective, search.maximised)
    assert {"x"} == search.log_scales
    assert search.best is not None
    assert search.best.score == max(trial.score for trial in search.ranked if trial.score is not None)
    healthy = [trial for trial in search.trials if trial.values["x"] <= 1]
    assert [trial.number for trial in healthy] == [t.number for t in search.trials if t.status == "completed"]
    assert all(trial.score is None for trial in search.trials if trial.status != "completed")  # it was NaN


class Misleading(keras_tuner.HyperModel):
    """The first metric of the first trial happens to have the value of the objective."""

    def build(self, hp: Any) -> keras.Model:
        hp.Choice("x", [0.5, 0.7, 0.9])
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        return {"error": 1 - hp["x"], "f1": hp["x"], "val_f1": hp["x"]}


@pytest.mark.parametrize("guard", [{}, {"divergence": Divergence(bound=9.0, worst=0.0)}])
def test_the_objective_has_the_score_in_all_trials(tmp_path: Path, guard: dict[str, Any]) -> None:
    objective = keras_tuner.Objective("val_f1", "max")
    tuner = GridSearch if guard else keras_tuner.GridSearch
    tuner(Misleading(), objective, directory=tmp_path, **guard).search(verbose=0)
    search = read_search(tmp_path / "untitled_project")
    assert ("val_f1", True) == (search.objective, search.maximised)
    assert search.best is not None
    assert 0.9 == search.best.score


def test_a_guarded_project_says_what_diverged(tmp_path: Path) -> None:
    divergence = Divergence(bound=1.0, worst=0.0, spread=1.0)
    objective = keras_tuner.Objective("val_accuracy", "max")
    RandomSearch(Parabola(), objective, max_trials=6, seed=3, directory=tmp_path, divergence=divergence).search(
        verbose=0
    )
    found: ReportedSearch = read_search(tmp_path / "untitled_project")
    for trial in found.trials:
        assert ("diverged" if float(trial.values["x"] or 0) > 1 else "completed") == trial.status


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileNotFoundError, r"must hold trials\.json, or oracle\.json"),
        ("[", ValueError, r"trials\.json must be as rnnzoo wrote it, .* it is no JSON \(line 1, column 2\)"),
        ('[{"number": 1}]', ValueError, r"trials\.json must be as rnnzoo wrote it, .* it lacks 'status'; resume"),
        ("[]", ValueError, "must have at least one trial"),
    ],
)
def test_what_is_no_search(tmp_path: Path, content: str | None, error: type[Exception], message: str) -> None:
    if content is not None:
        (tmp_path / "trials.json").write_text(content)
    with pytest.raises(error, match=message):
        read_search(tmp_path)


@pytest.mark.parametrize("content", ["[", "[]", "null"])
def test_a_damaged_space_is_named(tmp_path: Path, content: str) -> None:
    (ours(tmp_path, {}) / "search.json").write_text(content)
    with pytest.raises(DamagedFileError, match=r"search\.json must be as rnnzoo wrote it"):
        read_search(tmp_path)


@pytest.mark.parametrize(("content", "name"), [("[", r"/oracle\.json"), ("[]", r"/oracle\.json"), ("{}", "")])
def test_a_damaged_project_is_named(tmp_path: Path, content: str, name: str) -> None:
    (tmp_path / "oracle.json").write_text(content)
    with pytest.raises(DamagedFileError, match=rf"{tmp_path.name}{name} must be as KerasTuner wrote it"):
        read_search(tmp_path)
