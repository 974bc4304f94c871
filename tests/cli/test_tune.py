"""`rnnzoo tune`."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli.conftest import Call

from rnnzoo.commands.quiet import start_quietly
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.results import SearchResult
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.search.workers.sharing import Sharing
from rnnzoo.tuning.training_config import TrainingConfig

TRIAL: Any = SimpleNamespace(number=1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the room was asked for, which here searches nothing; `asked["best"]` is what it finds."""
    import rnnzoo.tuning.search.searching

    received: dict[str, Any] = {"best": TRIAL}

    def search(networks: Any, training: Any, output: Path, space: Any, **options: Any) -> SearchResult:
        received.update(networks=networks, training=training, output=output, space=space, **options)
        return SearchResult(folder=output, trials=(), best=received["best"])

    monkeypatch.setattr(rnnzoo.tuning.search.searching, "search", search)
    return received


def test_options_become_a_search(asked: dict[str, Any], call: Call) -> None:
    space = ["--range", "learning_rate=1:100:log", "--range", "units=8,16", "--fix", "window=9"]
    options = ["--algorithm", "grid", "--max-trials", 3, "--epochs", 1, "--patience", 8, "--seed", 5]
    workers = [
        "--workers",
        2,
        "--listen",
        "0.0.0.0:8765",
        "--chief-patience",
        9,
        "--trials-per-process",
        4,
        "--device",
        "cpu",
    ]
    limits = ["--pruning", "median", "--report-every", 7, "--time-budget", "1h30m", "--watch-gradients"]
    result = call(
        "tune", "lstm", "gru", *space, *options, *limits, *workers, "--corpus", "recall", "--dropout", 0, "-o", "a b"
    )
    assert "Trial 1 was best. Train it with: rnnzoo train --from-trial 'a b' --output …\n" == result.out
    del asked["report"], asked["notify"]
    assert {
        "networks": [NetworkConfig(network="lstm", dropout=0.0), NetworkConfig(network="gru", dropout=0.0)],
        "training": TrainingConfig(corpus="recall", epochs=1, patience=8, seed=5),
        "output": Path("a b"),
        "space": ("learning_rate=1:100:log", "units=8,16", "window=9"),
        "algorithm": "grid",
        "max_trials": 3,
        "pruning": "median",
        "report_every": 7,
        "time_budget": 5400.0,
        "watch_gradients": True,
        "resume": False,
        "sharing": Sharing(workers=2, listen="0.0.0.0:8765", trials_per_process=4, patience=9.0, before=start_quietly),
        "device": "cpu",
        "best": TRIAL,
    } == asked


def test_what_only_one_network_takes_goes_to_that_one(asked: dict[str, Any], call: Call) -> None:
    call("tune", "lstm", "skip_rnn", "--skip", 5)
    assert [None, 5] == [network.skip for network in asked["networks"]]
    assert call("tune", "lstm", "gru", "--skip", 5).says_in_one_line(1, "skip is an option of skip_rnn")


def test_without_options_it_searches_learning_rate_and_clipping(asked: dict[str, Any], call: Call) -> None:
    call("tune", "irnn")
    assert ["learning_rate", "clipnorm"] == [text.partition("=")[0] for text in asked["space"]]
    assert Path("searches/irnn") == asked["output"]
    assert asked["sharing"] is None


def test_an_option_is_not_searched(asked: dict[str, Any], tmp_path: Path, call: Call) -> None:
    call("tune", "gru", "--learning-rate", 1)
    assert (1.0, ("clipnorm=1e-2:1e2:log",)) == (asked["training"].learning_rate, asked["space"])
    (tmp_path / "space.toml").write_text("units = [8, 16]\nclipnorm = [0.5, 1]\n")
    call("tune", "gru", "--space", tmp_path / "space.toml", "--units", 8)
    assert (8, ("clipnorm=0.5,1",)) == (asked["networks"][0].units, asked["space"])


def test_a_search_that_finds_nothing_is_said(asked: dict[str, Any], call: Call) -> None:
    asked["best"] = None
    assert call("tune", "irnn").says_in_one_line(1, "no trial came to an end")


def test_ctrl_c_says_the_command_to_go_on_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnzoo.tuning.search.searching.search", interrupted)
    search = ["tune", "irnn", "-o", tmp_path, "--time-budget", "2h", "--workers", 2, "--device", "cpu"]
    assert (130, "Interrupted.\n") == (call(*search).code, call(*search).err)  # nothing has begun yet
    begun(tmp_path)
    command = f"rnnzoo tune --resume --output {tmp_path} --time-budget 2h --workers 2 --device cpu\n"
    assert call(*search).says_in_one_line(130, f"Go on with: {command}")


def test_a_full_disk_says_the_command_to_go_on_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    from rnnzoo.tuning.search.durable_state import DiskError

    def full(*_: Any, **__: Any) -> None:
        raise DiskError(errno.ENOSPC, os.strerror(errno.ENOSPC), "trials/oracle.json")

    monkeypatch.setattr("rnnzoo.tuning.search.searching.search", full)
    begun(tmp_path)
    said = "trials/oracle.json: No space left on device. Once that is mended, go on with: "
    said += f"rnnzoo tune --resume --output {tmp_path} --workers 2\n"
    assert call("tune", "irnn", "-o", tmp_path, "--workers", 2).says_in_one_line(1, said)


def begun(folder: Path) -> None:
    """A search that has begun there."""
    networks = [NetworkConfig(network="lstm", units=8), NetworkConfig(network="skip_rnn", skip=3)]
    training = TrainingConfig(corpus="recall", corpus_options={"distance": 5}, optimizer="sgd")
    space = Space(networks, training, ["learning_rate=1:9:log", "units=8"])
    plan = SearchPlan(
        space=space,
        algorithm="grid",
        pruning="median",
        report_every=7,
        watch_gradients=True,
        divergence=Divergence(bound=9.0),
        corpus={"words": 5},
    )
    SearchFolder(folder).write_identity(plan.as_dict(), 5)


def test_a_search_is_resumed_by_its_folder_alone(asked: dict[str, Any], tmp_path: Path, call: Call) -> None:
    begun(tmp_path)
    assert 0 == call("tune", "--resume", "--output", tmp_path).code
    plan = SearchPlan.read(tmp_path)
    anew = {"best", "output", "report", "notify", "sharing", "device", "time_budget"}
    assert {
        "networks": list(plan.space.networks.values()),
        "training": plan.space.training,
        "space": plan.space.hyperparameters,
        "algorithm": "grid",
        "pruning": "median",
        "report_every": 7,
        "watch_gradients": True,
        "max_trials": 5,
        "resume": True,
    } == {name: asked[name] for name in asked.keys() - anew}


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        (["--max-trials", 9], "max_trials", 9),
        (["--algorithm", "random"], "algorithm", "random"),
        (["--pruning", "none"], "pruning", "none"),
    ],
)
def test_what_is_typed_beside_resume_counts(
    typed: list[Any], name: str, value: Any, asked: dict[str, Any], tmp_path: Path, call: Call
) -> None:
    begun(tmp_path)
    call("tune", "--resume", "--output", tmp_path, *typed)
    assert value == asked[name]


def test_what_is_typed_of_networks_training_and_space_counts(asked: dict[str, Any], tmp_path: Path, call: Call) -> None:
    begun(tmp_path)
    call("tune", "gru", "lstm", "--resume", "-o", tmp_path, "--epochs", 1, "--layers", 2, "--range", "units=8,16")
    plan = SearchPlan.read(tmp_path)
    assert [
        NetworkConfig(network="gru", layers=2),
        replace(plan.space.networks["lstm"], layers=2),
    ] == asked["networks"]
    assert replace(plan.space.training, epochs=1) == asked["training"]
    assert {"learning_rate": plan.space.hyperparameters["learning_rate"]} == {
        name: one for name, one in asked["space"].items() if name != "units"
    }
    assert (8, 16) == asked["space"]["units"].values


def test_a_search_and_the_training_of_what_it_found(tiny: list[str], tmp_path: Path, call: Call) -> None:
    search = ["tune", "gru", *tiny, "--range", "learning_rate=0.001,0.01", "--algorithm", "grid", "--max-trials", 2]
    result = call(*search, "--output", tmp_path / "search")
    assert 0 == result.code
    assert ["trial 1/2:", "trial 2/2:"] == [line[:10] for line in result.out.splitlines()[:2]]
    result = call("tune", "--resume", "--output", tmp_path / "search")
    assert (0, 1) == (result.code, result.out.count("\n"))  # no trial was run again
    result = call("tune", "--resume", "--output", tmp_path / "search", "--corpus", "recall")
    assert result.says_in_one_line(1, "and training.corpus='recall' was asked for")
    result = call("train", "--from-trial", tmp_path / "search", "--output", tmp_path / "run")
    assert 0 == result.code
    best, run = (json.loads((tmp_path / name).read_text()) for name in ("search/best.json", "run/run.json"))
    assert (best["network"], best["training"]) == (run["network"], run["training"])
    result = call(*search, "--output", tmp_path / "search")
    assert result.says_in_one_line(1, "holds a search: resume it, or choose another")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ([], 2, "NETWORK: it is needed, unless there is --resume."),
        (["--resume"], 2, "--output: it is needed with --resume."),
        (["perceptron"], 1, "network must be one of"),
        (["lstm", "lstm"], 1, "each network must be given once"),
        (["lstm", "--range", "x"], 1, "a range must be written"),
        (["lstm", "--range", "colour=1:2"], 1, "a hyperparameter must be one of"),
        (["lstm", "--range", "learning_rat=1:2"], 1, "but got 'learning_rat'. Did you mean learning_rate"),
        (["lstm", "--range", "learning_rate=1"], 1, "(name=low:high or name=one,two) or the network, but got learning"),
        (["lstm", "--fix", "colour=1"], 1, "a hyperparameter must be one of"),
        (["lstm", "--space", "full", "--fix", "colour=1"], 1, "a hyperparameter must be one of"),
        (["lstm", "--range", "units=9:3"], 1, "a range must run from low to high"),
        (["lstm", "--range", "units=9", "--fix", "dropout=0"], 1, "a search must vary something"),
        (["lstm", "--range", "skip=2:4"], 1, "skip is an option of skip_rnn"),
        (["lstm", "--fix", "units=9:3"], 1, "a fixed value must be one value"),
        (["lstm", "--space", "nowhere.toml"], 1, "there is no file nowhere.toml"),
        (["lstm", "--fix", "units=9", "--units", "9"], 1, "needs no --range or --fix, but got --units and units=."),
        (["lstm", "--time-budget", "2"], 1, "a duration must be written 90s, 45m, 2h or 1h30m"),
        (["lstm", "--pruning", "late", "--corpus", "recall"], 1, "pruning must be one of none, median, halving"),
        (["lstm", "--algorithm", "genetic", "--corpus", "recall"], 1, "algorithm must be one of random, bayesian"),
        (["lstm", "--max-trials", "0", "--corpus", "recall"], 1, "max_trials must be a positive integer"),
        (["lstm", "--epochs", "0"], 1, "epochs must be a positive integer"),
        (["lstm", "--resume", "--corpus", "recall"], 1, "a search must hold search.json"),
        (["lstm", "--corpus", "recall", "--device", "abacus"], 1, "device must be one of auto, cpu, gpu, gpus, tpu"),
        (["lstm", "--workers", "-1"], 1, "workers must be an integer of at least 0"),
        (["lstm", "--workers", "0"], 1, "there must be a worker here, or listen for those of other machines"),
        (["lstm", "--listen", "a:1", "--chief", "b:2"], 1, "a chief is here or elsewhere, but got listen='a:1'"),
        (["lstm", "--workers", "1", "--trials-per-process", "0"], 1, "trials_per_process must be a positive"),
        (["lstm", "--corpus", "recall", "--chief", "here"], 1, "the address of a chief must be written HOST:PORT"),
        (
            ["lstm", "--corpus", "recall", "--chief", "127.0.0.1:9", "--chief-patience", "0.1"],
            1,
            "must share the folder",
        ),
        (["lstm", "--workers", "1", "--chief-patience", "-1"], 1, "a worker's patience must be positive and finite"),
        (["lstm", "--chief-patience", "9"], 2, "--chief-patience: it needs --workers, --listen or --chief."),
        (["lstm", "--trials-per-process", "2"], 2, "--trials-per-process: it needs --workers, --listen or --chief."),
        (["lstm", "--corpus", "nowhere"], 1, "a corpus must be one of"),
    ],
)
def test_bad_input(
    arguments: list[str], code: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("tune", *arguments).says_in_one_line(code, line)
    assert not list(tmp_path.iterdir())  # nothing that would be in the way of the right call
