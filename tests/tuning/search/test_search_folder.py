"""The files of a search."""

import csv
import json
import math
from pathlib import Path

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.results import SearchResult, TrialRecord
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.workers.oracle_client import search_digest
from rnnzoo.tuning.training_config import TrainingConfig

GOOD = TrialRecord(
    number=1,
    status="completed",
    score=2.0,
    perplexity=math.exp(2.0),
    values={"network": "lstm", "learning_rate": 0.1},
    trial_id="0",
    at=3.0,
    of=3.0,
    seconds=1.5,
    verdict="healthy",
    reason="the gradient is fine",
    parameters=99,
)
BAD = TrialRecord(
    number=2,
    status="diverged",
    score=14.0,
    perplexity=None,
    values={"network": "skip_rnn", "learning_rate": 90.0, "skip": 4, "tuner/epochs": 3},
    trial_id="1",
    at=0.5,
    of=2.0,
    diverged_at=0.25,
    verdict="exploding",
    seconds=0.5,
    message="diverged: loss is nan in epoch 1, step 7",
)


def test_records_are_lines() -> None:
    assert "trial 1/9: network=lstm learning_rate=0.1: loss 2.000, perplexity 7.4 (2 s)" == GOOD.line(9)
    assert (
        "trial 2/9: network=skip_rnn learning_rate=90 skip=4: diverged: loss is nan in epoch 1, step 7 (0 s)"
        == BAD.line(9)
    )


def test_results_are_strict_json_and_a_table(tmp_path: Path) -> None:
    network, training = NetworkConfig(network="lstm"), TrainingConfig(learning_rate=0.1)
    result = SearchResult(folder=tmp_path, trials=(GOOD, BAD), best=GOOD, network=network, training=training)
    SearchFolder(tmp_path).write_result(result)
    trials = json.loads((tmp_path / "trials.json").read_text(), parse_constant=pytest.fail)
    assert [GOOD, BAD] == [TrialRecord(**trial) for trial in trials]
    best = json.loads((tmp_path / "best.json").read_text(), parse_constant=pytest.fail)
    assert network == NetworkConfig.from_dict(best["network"])
    assert training == TrainingConfig.from_dict(best["training"])
    assert {"trial": 1, "loss": 2.0, "perplexity": math.exp(2.0)} == best["found"]
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [("1", "completed", "0.1", ""), ("2", "diverged", "90.0", "4")] == [
        (row["number"], row["status"], row["learning_rate"], row["skip"]) for row in rows
    ]


def test_without_a_completed_trial_there_is_no_best(tmp_path: Path) -> None:
    SearchFolder(tmp_path).write_result(SearchResult(folder=tmp_path, trials=(BAD,)))
    assert {"trials.json", "trials.csv"} == {path.name for path in tmp_path.iterdir()}


def test_a_new_search_overwrites_nothing(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path / "search")
    folder.check_is_free()
    (folder.path / "trials").mkdir(parents=True)
    folder.check_is_free()
    (folder.path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        folder.check_is_free()
    folder.write_identity({"seed": 0})
    with pytest.raises(FileExistsError, match="holds a search: resume it, or choose another"):
        folder.check_is_free()


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"seed": 1, "space": {"units": [8, 16]}}, "seed=0 and seed=1"),
        ({"seed": 0, "space": {"units": [8, 32]}}, r"space.units=\[8, 16\] and space.units=\[8, 32\]"),
        ({"seed": 0, "space": {}}, r"space.units=\[8, 16\] and space.units=None"),
        ({"seed": 0, "space": {"units": [8, 16], "skip": 2}}, "space.skip=None and space.skip=2"),
    ],
)
def test_another_search_is_not_resumed(tmp_path: Path, asked: dict[str, object], name: str) -> None:
    folder = SearchFolder(tmp_path)
    folder.write_identity({"seed": 0, "space": {"units": (8, 16)}})
    folder.check_is_resumable({"seed": 0, "space": {"units": (8, 16)}})
    with pytest.raises(ValueError, match=rf"must be resumed as it was begun, but .* has {name} was asked for\."):
        folder.check_is_resumable(asked)


def test_a_text_that_has_changed_is_told_with_a_way_out(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.write_identity({"corpus": {"words": 10}})
    with pytest.raises(ValueError, match=r"corpus\.words was 10 and is 11; restore the text, or begin a search in"):
        folder.check_is_resumable({"corpus": {"words": 11}})


def test_a_search_with_more_trials_is_the_same(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.write_identity({"seed": 0})
    assert folder.read_max_trials() is None
    known = search_digest(tmp_path / "trials")
    folder.write_identity({"seed": 0}, 9)
    assert 9 == folder.read_max_trials()
    assert known == search_digest(tmp_path / "trials")
    folder.check_is_resumable({"seed": 0})


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"must hold search\.json, but .* does not"):
        folder.check_is_resumable({})
    for damaged in ("{", "[]"):
        folder.identity.write_text(damaged)
        with pytest.raises(ValueError, match=r"search\.json must be as rnnzoo wrote it"):
            folder.check_is_resumable({})
