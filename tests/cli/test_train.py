"""`rnnzoo train`."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from cli.conftest import Call

from rnnzoo.commands.searched_trial import read_trial
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.results import SearchResult, TrialRecord
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.training_config import TrainingConfig


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the room was asked for, which here trains nothing."""
    import rnnzoo.tuning.training

    received: dict[str, Any] = {}

    def train(
        network: NetworkConfig, training: TrainingConfig, output: Path, *, resume: bool, callbacks: list[Any]
    ) -> RunFolder:
        received.update(network=network, training=training, output=output, resume=resume, callbacks=callbacks)
        folder = RunFolder(output)
        if not resume:
            folder.create(network, training, {"words": 7})
        folder.evaluation.write_text('{"epoch": 2, "test": {"perplexity": 50.25}}')
        return folder

    monkeypatch.setattr(rnnzoo.tuning.training, "train", train)
    return received


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A run that was begun."""
    network = NetworkConfig(network="skip_rnn", units=12, skip=3)
    training = TrainingConfig(corpus="recall", corpus_options={"distance": 7}, clipvalue=2.0, global_clipnorm=None)
    folder = RunFolder(tmp_path / "told")
    folder.create(network, training, {})
    return folder.path


def test_options_become_configurations(asked: dict[str, Any], tmp_path: Path, call: Call) -> None:
    network = ["--units", 30, "--layers", 2, "--dropout", 0.1, "--recurrent-initializer", "np_rnn", "--skip", 5]
    network += ["--softmax", "adaptive", "--cutoffs", "50,90"]
    training = ["--corpus", "recall", "--corpus-option", "distance=50", "--corpus-option", "seed=1", "--epochs", 2]
    optimizer = ["--optimizer", "adam", "--learning-rate", 0.01, "--schedule", "cosine", "--patience", "none"]
    result = call("train", "skip_rnn", *network, *training, *optimizer, "-o", tmp_path / "run")
    assert f"{tmp_path / 'run'}: test perplexity 50.2, best after epoch 2.\n" == result.out
    expected_network = NetworkConfig(
        network="skip_rnn",
        units=30,
        layers=2,
        dropout=0.1,
        recurrent_initializer="np_rnn",
        skip=5,
        softmax="adaptive",
        cutoffs=(50, 90),
    )
    expected_training = TrainingConfig(
        corpus="recall",
        corpus_options={"distance": 50, "seed": 1},
        epochs=2,
        optimizer="adam",
        learning_rate=0.01,
        schedule="cosine",
        patience=None,
    )
    assert {
        "network": expected_network,
        "training": expected_training,
        "output": tmp_path / "run",
        "resume": False,
        "callbacks": [],
    } == asked


def test_without_options_the_defaults_are_those_of_the_configurations(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    call("train", "irnn")
    assert (NetworkConfig(network="irnn"), TrainingConfig()) == (asked["network"], asked["training"])
    assert Path("runs/irnn") == asked["output"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--clipnorm", "1"], {"clipnorm": 1.0}),
        (["--clipvalue", "1"], {"clipvalue": 1.0}),
        (["--global-clipnorm", "1"], {"global_clipnorm": 1.0}),
        (["--global-clipnorm", "none"], {}),
    ],
)
def test_one_way_of_clipping_takes_the_place_of_another(
    options: list[str], expected: dict[str, float], asked: dict[str, Any], told: Path, tmp_path: Path, call: Call
) -> None:
    call("train", "irnn", *options, "-o", tmp_path / "new")
    assert expected == asked["training"].clipping
    call("train", "--repeat", told, *options, "-o", tmp_path / "repeated")
    assert expected == asked["training"].clipping


def test_repeat_trains_as_told(asked: dict[str, Any], told: Path, tmp_path: Path, call: Call) -> None:
    network, training, _ = RunFolder(told).read_configuration()
    call("train", "--repeat", told, "-o", tmp_path / "new")
    assert (network, training, False) == (asked["network"], asked["training"], asked["resume"])


def test_repeat_takes_other_options_on_top(asked: dict[str, Any], told: Path, tmp_path: Path, call: Call) -> None:
    call("train", "--repeat", told, "--seed", 3, "--skip", "none", "-o", tmp_path / "new")
    assert (3, 7, None, 12) == (
        asked["training"].seed,
        asked["training"].corpus_options["distance"],
        asked["network"].skip,
        asked["network"].units,
    )
    call("train", "--repeat", told, "--corpus", "python-docs", "-o", tmp_path / "other")
    assert {} == asked["training"].corpus_options


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    """A search with a diverged and a completed trial."""
    space = Space([NetworkConfig(network="gru", units=5)], TrainingConfig(), ["learning_rate=1,3", "dropout=0.5"])
    plan = SearchPlan(space=space, algorithm="grid", divergence=Divergence(bound=9.0), corpus={})
    folder = SearchFolder(tmp_path / "search")
    folder.path.mkdir()
    folder.write_identity(plan.as_dict())
    values = {"network": "gru", "learning_rate": 3.0}
    bad = TrialRecord(number=1, trial_id="0", status="diverged", score=13.0, perplexity=None, values=values)
    good = replace(
        bad, number=2, status="completed", score=2.0, perplexity=7.4, values={**values, "learning_rate": 1.0}
    )
    network, training = space.recipe(good.values)
    folder.write_result(
        SearchResult(folder=folder.path, trials=(bad, good), best=good, network=network, training=training)
    )
    return folder.path


@pytest.mark.parametrize(("suffix", "rate"), [("", 1.0), (":2", 1.0), (":1", 3.0)])
def test_a_trial_of_a_search_is_trained_in_full(
    suffix: str, rate: float, searched: Path, asked: dict[str, Any], tmp_path: Path, call: Call
) -> None:
    call("train", "--from-trial", f"{searched}{suffix}", "--seed", 4, "-o", tmp_path / "new")
    assert NetworkConfig(network="gru", units=5, dropout=0.5) == asked["network"]
    assert TrainingConfig(learning_rate=rate, seed=4) == asked["training"]


@pytest.mark.parametrize(
    ("number", "loss", "line"),
    [
        (2, 2.0, "The same validation loss as trial 2: 2."),
        (2, 2.02, "Validation loss 2.02; trial 2 had 2, 1.0e-02 of it apart."),
        (1, 3.5, "Trial 1 was diverged; in full its validation loss is 3.5."),
    ],
)
def test_a_trial_trained_in_full_is_compared_with_its_score(
    number: int, loss: float, line: str, searched: Path
) -> None:
    assert line == read_trial(f"{searched}:{number}").compared(loss)


def test_a_trial_that_is_not_there_is_named(searched: Path, tmp_path: Path, call: Call) -> None:
    for text, line in ((f"{searched}:3", "has the trials 1 to 2, but got 3"), (tmp_path, "must hold search.json")):
        assert call("train", "--from-trial", text, "-o", tmp_path / "new").says_in_one_line(1, line)


def test_resume_needs_the_folder_only(asked: dict[str, Any], told: Path, call: Call) -> None:
    network, training, _ = RunFolder(told).read_configuration()
    call("train", "--resume", "--output", told)
    assert {"network": network, "training": training, "output": told, "resume": True, "callbacks": []} == asked


def test_a_run_leaves_its_folder(run: Path) -> None:
    names = {"run.json", "log.csv", "model", "checkpoint", "tensorboard", "evaluation.json"}
    assert names <= {path.name for path in run.iterdir()}


def test_a_finished_run_may_be_resumed(run: Path, call: Call) -> None:
    result = call("train", "--resume", "-o", run)
    assert 0 == result.code
    assert result.out.startswith(f"{run}: test perplexity ")
    corpus = RunFolder(run).read_configuration()[1].corpus
    command = f"rnnzoo train --from-preset {run} --corpus {corpus} --output …"
    assert f"{run} is finished; to go on learning: {command}\n" == result.err


def test_a_run_is_resumed_as_it_was_begun(run: Path, call: Call) -> None:
    result = call("train", "--resume", "-o", run, "--units", 9)
    assert result.says_in_one_line(1, f"units=8, and now got units=9. {run} is finished; to go on learning: rnnzoo")


def test_a_run_that_is_not_over_may_be_repeated_otherwise(told: Path, call: Call) -> None:
    line = f"units=12, and now got units=9. A run of its own: rnnzoo train --repeat {told} … --output …"
    assert call("train", "--resume", "-o", told, "--units", 9).says_in_one_line(1, line)


def test_a_text_is_found_from_any_folder(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    for name in ("mine.txt", "recall", "adding"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for given, kept in (("mine.txt", str(tmp_path / "mine.txt")), ("recall", "recall"), ("adding", "adding")):
        call("train", "irnn", "--corpus", given, "-o", "new")
        assert kept == asked["training"].corpus


def test_a_preset_of_ones_own_is_found_from_any_folder(
    run: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    monkeypatch.chdir(run.parent)
    call("train", "--from-preset", run.name, "-o", tmp_path / "new")
    assert str(run / "model") == asked["training"].from_preset


def test_an_empty_corpus_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("train", "gru", "--corpus", "").says_in_one_line(1, "a corpus must be one of")


def test_a_run_is_not_overwritten(run: Path, tiny: list[str], call: Call) -> None:
    assert call("train", "gru", *tiny, "-o", run).says_in_one_line(1, "holds a run: resume it, or choose another")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["perceptron"], 1, "network must be one of simple_rnn_tanh,"),
        (["lstm", "--skip", "3"], 1, "skip is an option of skip_rnn"),
        (["lstm", "--units", "0"], 1, "units must be a positive integer"),
        (["lstm", "--optimizer", "lion"], 1, "optimizer must be one of sgd, adam, rmsprop"),
        (["lstm", "--clipnorm", "1", "--clipvalue", "1"], 1, "at most one of clipnorm, clipvalue, global_clipnorm"),
        (["lstm", "--learning-rate", "-1"], 1, "learning_rate must be positive"),
        (["lstm", "--learning-rate", "nan"], 1, "learning_rate must be positive"),
        (["lstm", "--corpus", "no-such-file"], 1, "a corpus must be one of"),
        (["lstm", "--corpus", "recall", "--corpus-option", "length=3"], 1, "the options of recall are distance,"),
        (["lstm", "--corpus", "recall", "--corpus-option", "distance=near"], 1, "distance must be an integer"),
        (["lstm", "--corpus-option", "distance"], 2, "it must be NAME=VALUE, but got 'distance'"),
        ([], 2, "NETWORK: it is needed"),
        (["--resume"], 2, "--output: it is needed"),
        (["--repeat", "nowhere"], 2, "--output: it is needed"),
        (["--output", "new"], 2, "NETWORK: it is needed"),
        (["--resume", "--output", "nowhere"], 1, "there is no run at nowhere."),
        (["--resume", "--output", "gru_wikitext2"], 1, "there is no run at gru_wikitext2."),
        (["--repeat", "nowhere", "--output", "new"], 1, "nowhere must be a run"),
        (["--repeat", "a", "--resume", "--output", "new"], 2, "--resume: it cannot go with --repeat"),
        (["--repeat", "a", "--from-trial", "b", "--output", "new"], 2, "--repeat: it cannot go with --from-trial"),
        (["--from-trial", "nowhere"], 2, "--output: it is needed"),
        (["--from-trial", "search:x", "--output", "new"], 1, "a trial must be named SEARCH:N, N from 1, but got"),
        (["lstm", "gru"], 2, "unexpected extra argument"),
    ],
)
def test_bad_input(
    arguments: list[str], code: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("train", *arguments).says_in_one_line(code, line)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("option", "name"), [("--repeat", "run.json"), ("--from-trial", "search.json")])
@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"network": {"network": "lstm", "colour": 1}, "training": {}}'])
def test_a_damaged_file_is_named(option: str, name: str, content: str, tmp_path: Path, call: Call) -> None:
    (tmp_path / name).write_text(content)
    result = call("train", option, tmp_path, "-o", tmp_path / "x")
    assert result.says_in_one_line(1, f"{name} must be as rnnzoo wrote")


def test_ctrl_c_says_how_to_go_on_and_resume_goes_on(
    tiny: list[str], text_file: Path, tmp_path: Path, call: Call
) -> None:
    output = tmp_path / "a run"
    arguments = ["train", "irnn", *tiny, "--epochs", "100000", "--patience", "none", "--output", os.fspath(output)]
    process = subprocess.Popen([sys.executable, "-m", "rnnzoo", *arguments], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (output / "checkpoint").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert 130 == process.returncode
    assert f"Interrupted. Go on with: rnnzoo train --resume --output '{output}'" == err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_full_disk_says_how_to_go_on(told: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    import rnnzoo.tuning.training

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), told / "checkpoint")

    monkeypatch.setattr(rnnzoo.tuning.training, "train", full)
    said = f"{told / 'checkpoint'}: No space left on device. Once that is mended, go on with: "
    said += f"rnnzoo train --resume --output {told}\n"
    assert call("train", "--resume", "--output", told).says_in_one_line(1, said)


def test_watched_gradients_leave_signs_and_change_nothing(
    run: Path, tiny: list[str], tmp_path: Path, call: Call
) -> None:
    assert 0 == call("train", "gru", *tiny, "--watch-gradients", "-o", tmp_path / "watched").code
    watched, unwatched = RunFolder(tmp_path / "watched"), RunFolder(run)
    assert not unwatched.signs.exists()
    assert watched.signs.read_text().startswith("step,")
    assert unwatched.evaluation.read_text() == watched.evaluation.read_text()


def test_a_run_that_diverges_says_what_to_try_in_terms_of_options(tiny: list[str], tmp_path: Path, call: Call) -> None:
    output = tmp_path / "run"
    result = call("train", "simple_rnn_relu", *tiny, "--learning-rate", 1e4, "--schedule", "constant", "-o", output)
    assert 1 == result.code
    line = result.err.splitlines()[-1]
    assert line.startswith("Error: Training diverged: ")
    advice = (
        f"--learning-rate below 10000, or a lower --global-clipnorm, in another folder: rnnzoo train --repeat {output}"
    )
    assert f"No epoch left a model. Try a {advice} --learning-rate" in line


@pytest.mark.parametrize("device", ["gpu", "gpus", "tpu", "abacus"])
def test_a_device_that_is_not_there_is_said_before_anything_is_made(
    device: str, tiny: list[str], tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    line = "device must be one of" if device == "abacus" else f"{device} needs a"
    assert call("train", "gru", *tiny, "--device", device, "-o", tmp_path / "new").says_in_one_line(1, line)
    assert not (tmp_path / "new").exists()


def test_a_run_goes_on_from_a_preset_with_its_words(run: Path, tiny: list[str], tmp_path: Path, call: Call) -> None:
    options = [option for option in tiny if option not in ("--units", "8")]
    result = call("train", "--from-preset", run, *options, "--dropout", 0.5, "-o", tmp_path / "tuned")
    assert 0 == result.code, result.err
    before, after = (json.loads((folder / "run.json").read_text()) for folder in (run, tmp_path / "tuned"))
    assert before["network"] | {"dropout": 0.5} == after["network"]
    assert str(run / "model") == after["training"]["from_preset"]
    assert before["corpus"]["words"] == after["corpus"]["words"]


def test_a_network_that_cannot_go_on_from_a_preset_leaves_no_folder(
    run: Path, tiny: list[str], tmp_path: Path, call: Call
) -> None:
    result = call("train", "--from-preset", run, *tiny, "--units", 9, "-o", tmp_path / "runs" / "tuned")
    assert result.says_in_one_line(1, "must have the weights of its network, gru of 1 × 8, but got gru of 1 × 9")
    assert not (tmp_path / "runs" / "tuned").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--from-preset", "nowhere", "-o", "new"], 1, "nowhere is neither"),
        (["--from-preset", "nowhere"], 2, "--output: it is needed with"),
        (["--resume", "--from-preset", "nowhere", "-o", "new"], 2, "--resume: it cannot go with --from-preset"),
    ],
)
def test_a_preset_that_cannot_be_gone_on_from(arguments: list[str], code: int, message: str, call: Call) -> None:
    assert call("train", *arguments).says_in_one_line(code, message)
