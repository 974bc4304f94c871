"""`rnnzoo diagnose`."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from cli.conftest import Call

from rnnzoo.commands.subject import Subject
from rnnzoo.models import LanguageModel
from rnnzoo.tuning import TrainingConfig

QUICK = ["--lags", "10", "--positions", "3", "--needed-lag", "5"]


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "foreign.keras"
    layers = [keras.layers.Embedding(9, 4), keras.layers.SimpleRNN(4, return_sequences=True), keras.layers.Dense(9)]
    keras.Sequential([keras.layers.Input((None,), dtype="int32"), *layers]).save(path)
    return path


def test_a_run_is_judged_and_shown(run: Path, tmp_path: Path, call: Call) -> None:
    result = call("diagnose", run, *QUICK, "--output", tmp_path)
    numbers = json.loads((tmp_path / "diagnosis.json").read_text())
    (network,) = numbers["networks"]
    verdict = network["verdict"]["findings"][0]
    lines = result.out.splitlines()
    assert (0, "") == (result.code, result.err)
    assert f"gru: {verdict['name']}" == lines[0]
    assert verdict["reason"] in lines[1]
    assert f"Page: {tmp_path / 'index.html'}" == lines[-1]
    assert network["before"] is not None
    assert 2 <= len(network["words"]["words"])
    assert verdict["reason"] in (tmp_path / "index.html").read_text()


def test_several_are_overlaid_a_run_a_preset_and_a_keras_file(
    run: Path, keras_file: Path, tmp_path: Path, call: Call
) -> None:
    options = ["--no-before-training", "--json", "--output", tmp_path]
    result = call("diagnose", "--compare", run, run / "model", keras_file, *QUICK, *options)
    assert 0 == result.code, result.err
    networks = json.loads(result.out)["networks"]
    assert ["gru", "model", "foreign"] == [network["name"] for network in networks]
    assert networks[0]["flow"] == networks[1]["flow"]
    assert networks[2]["words"] is None
    assert (tmp_path / "figures" / "gradient-against-lag.png").is_file()


def test_a_remedy_repeats_the_run(run: Path, tmp_path: Path, call: Call) -> None:
    out = call("diagnose", run, *QUICK[:4], "--needed-lag", "10", "--output", tmp_path).out
    assert out.startswith("gru: vanishing")
    assert f"rnnzoo train --repeat {run} --window 20 --output {run}-window" in out


def test_a_run_that_went_on_from_a_preset_began_with_it(run: Path) -> None:
    learnt = LanguageModel.from_preset(run / "model")

    def before(preset: Path | None) -> LanguageModel | None:
        training = TrainingConfig(from_preset=None if preset is None else str(preset))
        return Subject(run, run / "model", learnt.config, training).before_training(learnt)

    began, anew = before(run / "model"), before(None)
    assert began is not None
    assert anew is not None
    for old, new in zip(learnt.get_weights(), began.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(learnt.get_weights()[0], anew.get_weights()[0])
    assert before(run / "gone") is None
    assert before(Path("gru_wikitext2")) is None  # of other words


def test_what_was_seen_while_it_trained_is_read(run: Path, tmp_path: Path, call: Call) -> None:
    signs = tmp_path / "signs.csv"
    rows = [f"{step},loss,loss,{5 if step % 2 else 1}" for step in range(1, 41)]
    signs.write_text("\n".join(["step,name,measure,value", *rows]) + "\n")
    out = call("diagnose", run, *QUICK, "--signs", signs, "--output", tmp_path / "page").out
    assert "oscillating: from one step to the next the loss jumps" in out
    assert (tmp_path / "page" / "figures" / "gru-signs.svg").is_file()


def test_weights_that_are_not_numbers_get_their_verdict(keras_file: Path, tmp_path: Path, call: Call) -> None:
    model = keras.saving.load_model(keras_file)
    model.layers[1].cell.recurrent_kernel.assign(np.full((4, 4), np.nan))
    model.save(tmp_path / "broken.keras")
    recall = ["--corpus", "recall", "--corpus-option", "examples=50", "--corpus-option", "distance=2"]
    result = call("diagnose", tmp_path / "broken.keras", *recall, *QUICK, "--output", tmp_path / "page")
    assert 0 == result.code, result.err
    assert result.out.startswith("broken: exploding\n  exploding: 16 values of ")


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["--corpus", "nowhere"], 1, "a corpus must be one of"),
        (["--split", "dev"], 1, "split must be one of train, valid, test"),
        (["--lags", "100000"], 1, "a corpus must hold at least lags + 2 tokens"),
        (["--lags", "0"], 1, "lags must be a positive integer"),
        (["--sentence", "cat"], 1, "a sentence must have at least two words"),
        (["--compare"], 2, "--compare: it needs several networks"),
        (["--signs", "nowhere.csv"], 1, "nowhere.csv: No such file or directory"),
    ],
)
def test_bad_options(options: list[str], code: int, line: str, run: Path, tmp_path: Path, call: Call) -> None:
    quick = [option for option in QUICK if option not in ("--lags", "10")] if "--lags" in options else QUICK
    assert call("diagnose", run, *quick, "--output", tmp_path, *options).says_in_one_line(code, line)


def test_bad_paths(run: Path, tmp_path: Path, call: Call) -> None:
    assert call("diagnose", tmp_path / "no").says_in_one_line(1, "no is neither")
    assert call("diagnose", tmp_path / "no.keras").says_in_one_line(1, "a Keras model must be a file")
    assert call("diagnose", run, run).says_in_one_line(2, "--compare: it is needed for several networks")
    assert call("diagnose", run / "model").says_in_one_line(2, "--corpus: only a run and a preset of the package")
    assert call("diagnose", run, "--output", run / "run.json").says_in_one_line(1, "run.json")
    (tmp_path / "damaged.keras").write_bytes(b"nothing")
    damaged = call("diagnose", tmp_path / "damaged.keras", "--corpus", "recall", "--output", tmp_path / "page")
    assert damaged.says_in_one_line(1, "must be a model that Keras can load")


def test_a_run_a_search_and_its_page_are_not_overwritten(run: Path, tmp_path: Path, call: Call) -> None:
    before = sorted(run.rglob("*"))
    said = f"a page needs a folder of its own, but {run} holds run.json: choose another."
    assert call("diagnose", run, *QUICK, "--output", run).says_in_one_line(1, said)
    assert before == sorted(run.rglob("*"))
    (tmp_path / "report.json").touch()
    assert call("diagnose", run, *QUICK, "--output", tmp_path).says_in_one_line(1, "holds report.json")


def test_a_refused_diagnosis_leaves_nothing(run: Path, tmp_path: Path, call: Call) -> None:
    asked = ["diagnose", run, *QUICK, "--sentence", "cat", "--output", tmp_path / "page"]
    assert 1 == call(*asked).code
    assert [] == list(tmp_path.iterdir())


def test_a_model_without_a_recurrent_layer(tmp_path: Path, call: Call) -> None:
    layers = [keras.layers.Input((None,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.Dense(9)]
    keras.Sequential(layers).save(tmp_path / "flat.keras")
    options = ["--corpus", "recall", *QUICK, "--output", tmp_path / "page"]
    assert call("diagnose", tmp_path / "flat.keras", *options).says_in_one_line(1, "must have a recurrent layer")
