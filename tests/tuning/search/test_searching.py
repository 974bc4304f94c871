"""Whole searches, over networks of a few units."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.damaged_files import DamagedFileError
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.runs.folder_lock import FolderInUseError, locked_folder
from rnnzoo.tuning.search.algorithms import make_tuner
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
from rnnzoo.tuning.search.results import SearchResult, read_result
from rnnzoo.tuning.search.searching import SearchFailedError, search
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.training_config import TrainingConfig

TRAINING = TrainingConfig(
    corpus="recall",
    corpus_options={"examples": 30, "distance": 2},
    batch_size=2,
    window=8,
    epochs=2,
    optimizer="sgd",
    schedule="constant",
    jit_compile=False,  # compiling takes longer than these trials
)
NETWORKS = [NetworkConfig(network="simple_rnn_tanh", units=4)]
SPACE = ["learning_rate=0.5,1e30,2,1e20,1", "clipnorm=none"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, list[str]]:
    lines: list[str] = []
    folder = tmp_path_factory.mktemp("found")
    return search(NETWORKS, TRAINING, folder, SPACE, algorithm="grid", max_trials=4, report=lines.append), lines


def strict(path: Path) -> Any:
    return json.loads(path.read_text(), parse_constant=pytest.fail)


def test_a_search_finds_the_best_of_its_healthy_trials(found: tuple[SearchResult, list[str]]) -> None:
    result, _ = found
    completed = [trial for trial in result.trials if trial.status == "completed"]
    diverged = [trial for trial in result.trials if trial.status == "diverged"]
    assert [0.5, 2.0] == [trial.values["learning_rate"] for trial in completed]
    assert [1e30, 1e20] == [trial.values["learning_rate"] for trial in diverged]
    assert result.best == min(completed, key=lambda trial: trial.score or math.inf)
    assert result.best.perplexity == pytest.approx(math.exp(result.best.score or math.nan))
    bound = 2 * math.log(len(prepare_corpus(TRAINING).vocabulary))
    assert all(bound <= (trial.score or 0) <= 1.5 * bound for trial in diverged)


def test_the_winner_is_written_down_whole(found: tuple[SearchResult, list[str]]) -> None:
    result, _ = found
    best = strict(result.folder / "best.json")
    assert result.best is not None
    assert NETWORKS[0] == NetworkConfig.from_dict(best["network"]) == result.network
    expected = replace(TRAINING, learning_rate=result.best.values["learning_rate"], global_clipnorm=None)
    assert expected == TrainingConfig.from_dict(best["training"]) == result.training
    assert [trial.number for trial in result.trials] == [row["number"] for row in strict(result.folder / "trials.json")]


def test_each_trial_is_one_line(found: tuple[SearchResult, list[str]]) -> None:
    result, lines = found
    assert [trial.line(4) for trial in result.trials] == lines


def test_a_finished_search_is_extended_without_running_a_trial_again(
    found: tuple[SearchResult, list[str]], tmp_path: Path
) -> None:
    result, _ = found
    folder, lines = tmp_path / "extended", list[str]()
    shutil.copytree(result.folder, folder)
    extended = search(
        NETWORKS, TRAINING, folder, SPACE, algorithm="grid", max_trials=9, resume=True, report=lines.append
    )
    assert result.trials == extended.trials[:4]
    assert [extended.trials[4].line(9)] == lines


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"space": ["learning_rate=0.5,2", "clipnorm=none"]},
            r"learning_rate\.values=\[0\.5, .* and .*=\[0\.5, 2\.0\] was",
        ),
        ({"networks": ["gru"]}, r"networks\.simple_rnn_tanh\.network='simple_rnn_tanh' and .*=None was asked for"),
        ({"training": replace(TRAINING, seed=1)}, r"training\.seed=0 and training\.seed=1 was asked for"),
        ({"pruning": "median"}, "pruning='none' and pruning='median' was asked for"),
        ({"algorithm": "random"}, "algorithm='grid' and algorithm='random' was asked for"),
        ({"divergence": Divergence(bound=9.0)}, r"divergence\.bound=.* and divergence\.bound=9\.0 was asked for"),
    ],
)
def test_another_search_is_not_resumed(
    found: tuple[SearchResult, list[str]], change: dict[str, Any], message: str
) -> None:
    result, _ = found
    asked = {"networks": NETWORKS, "training": TRAINING, "space": SPACE, "algorithm": "grid", **change}
    with pytest.raises(ValueError, match=message):
        search(**asked, output=result.folder, resume=True)


def test_a_search_overwrites_nothing(found: tuple[SearchResult, list[str]]) -> None:
    result, _ = found
    with pytest.raises(FileExistsError, match="holds a search"):
        search(NETWORKS, TRAINING, result.folder, SPACE)


def test_a_folder_in_which_another_process_searches_is_refused(found: tuple[SearchResult, list[str]]) -> None:
    result, _ = found
    with locked_folder(result.folder), pytest.raises(FolderInUseError, match="another one writes to"):
        search(NETWORKS, TRAINING, result.folder, SPACE, algorithm="grid", resume=True)


def test_a_trials_weights_are_those_that_it_was_scored_with(tmp_path: Path) -> None:
    corpus = prepare_corpus(TRAINING)
    hypermodel = LanguageHyperModel(Space(NETWORKS, TRAINING, ["learning_rate=1:2"]), corpus)
    divergence = Divergence(bound=99.0)
    kwargs = {"objective": "val_loss", "directory": tmp_path, "divergence": divergence}
    tuner = make_tuner("random", hypermodel, max_trials=1, epochs=2, seed=0, **kwargs)
    tuner.search(epochs=2, verbose=0)
    (model,) = tuner.get_best_models()
    batches = ContiguousBatches(corpus.valid, TRAINING.batch_size, TRAINING.window)
    evaluated = model.evaluate(batches.dataset(), verbose=0, return_dict=True)
    assert tuner.oracle.get_best_trials()[0].score == pytest.approx(evaluated["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pruning": "late"}, "pruning must be one of none, median, halving, but got pruning='late'"),
        ({"pruning": "median", "algorithm": "hyperband"}, "hyperband ends trials by itself: pruning must be none"),
        ({"report_every": 0}, "report_every must be a positive integer, but got report_every=0"),
        ({"time_budget": 0}, "time_budget must be positive and finite, but got time_budget=0"),
        ({"time_budget": "2h"}, "time_budget must be positive and finite, but got time_budget='2h'"),
        ({"training": TrainingConfig(corpus="adding")}, "a search must be over a text, .* but got 'adding'"),
        ({"algorithm": "best"}, "algorithm must be one of random, bayesian, hyperband, grid"),
        ({"networks": ["rnn"]}, "network must be one of simple_rnn_tanh"),
        ({"space": ["batch_size=2:9999"]}, "at least one window and one token per row, but got .* batch_size=9999"),
    ],
)
def test_mistakes_leave_nothing_behind(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    asked = {"networks": NETWORKS, "training": TRAINING, "space": SPACE, **change}
    with pytest.raises(ValueError, match=message):
        search(**asked, output=tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_three_errors_in_a_row_end_a_search_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(LanguageHyperModel, "fit", fail)
    lines: list[str] = []
    with pytest.raises(
        SearchFailedError, match=r"^Three trials in a row failed, the last one with MemoryError: no room$"
    ):
        search(NETWORKS, TRAINING, tmp_path, SPACE, report=lines.append)
    assert all(": MemoryError: no room" in line for line in lines)


def test_the_recipe_is_tried_with_what_the_trial_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TrainingConfig] = []

    def record(self: LanguageHyperModel, hp: Any, model: Any, *args: Any, **kwargs: Any) -> float:
        network, training = self.space.declare(hp)
        assert (network, training.batch_size) == (model.language_model.config, model.batch_size)
        assert (training.learning_rate, training.clipnorm) == (
            pytest.approx(float(model.optimizer.learning_rate)),
            model.optimizer.clipnorm,
        )
        seen.append(training)
        return 1.0

    monkeypatch.setattr(LanguageHyperModel, "fit", record)
    space = ["learning_rate=0.1:10:log", "clipnorm=0.1:10:log", "batch_size=2:6", "window=4,8"]
    result = search(
        ["lstm", "irnn"], TRAINING, tmp_path, space, algorithm="grid", max_trials=3, report=lambda line: None
    )
    assert 3 == len(seen) == len(result.trials)


def test_a_search_prunes_and_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    space = ["learning_rate=2,1,0.5,1e-9,1e-8", "clipnorm=none"]
    options: dict[str, Any] = {"algorithm": "grid", "max_trials": 5, "pruning": "halving", "report_every": 2}
    result = search(NETWORKS, TRAINING, tmp_path, space, **options, report=lines.append)
    assert ["completed", "pruned", "pruned"] == [
        {trial.values["learning_rate"]: trial.status for trial in result.trials}[rate] for rate in (2.0, 1e-8, 1e-9)
    ]
    pruned = next(trial for trial in result.trials if trial.values["learning_rate"] == 1e-9)
    assert (pruned.at or math.inf) < 1.0
    assert pruned.perplexity == pytest.approx(math.exp(pruned.score or math.inf))
    assert "pruned: loss " in lines[pruned.number - 1]
    assert result == read_result(tmp_path)


@pytest.mark.parametrize("name", ["oracle.json", "trial_0/trial.json"])
@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "null"])
def test_a_damaged_state_is_named(
    found: tuple[SearchResult, list[str]], tmp_path: Path, name: str, content: str
) -> None:
    result, _ = found
    folder = tmp_path / "damaged"
    shutil.copytree(result.folder, folder)
    (folder / "trials" / name).write_text(content)
    with pytest.raises(DamagedFileError, match=rf"trials/{name} must be as KerasTuner wrote it.* in another folder\.$"):
        search(NETWORKS, TRAINING, folder, SPACE, algorithm="grid", resume=True)


def test_a_trial_that_is_gone_is_named(found: tuple[SearchResult, list[str]], tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(found[0].folder, folder)
    (folder / "trials" / "trial_0" / "trial.json").unlink()
    with pytest.raises(DamagedFileError, match=r"there is no trial_0/trial\.json"):
        search(NETWORKS, TRAINING, folder, SPACE, algorithm="grid", resume=True)
