"""`rnnzoo evaluate`."""

import json
import re
from pathlib import Path

import pytest
from cli.conftest import Call


def test_a_run_is_measured_on_the_test_split_of_its_own_corpus(run: Path, call: Call) -> None:
    figures = json.loads(call("evaluate", run, "--json").out)
    assert json.loads((run / "evaluation.json").read_text())["test"] == pytest.approx(figures)


def test_for_people_it_is_one_line(run: Path, text_file: Path, call: Call) -> None:
    out = call("evaluate", run, "--split", "valid", "--batch-size", 1).out
    pattern = rf"{text_file}, valid, \d+ tokens: perplexity [\d.]+, [\d.]+ bits per word, right [\d.]+%, .*%\n"
    assert re.fullmatch(pattern, out)


def test_a_preset_is_measured_on_the_corpus_named(run: Path, call: Call) -> None:
    recall = ["--corpus", "recall", "--corpus-option", "examples=50", "--json"]
    on_run, on_preset = (json.loads(call("evaluate", path, *recall).out) for path in (run, run / "model"))
    assert on_run["tokens"] == on_preset["tokens"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--split", "dev"], "split must be one of train, valid, test"),
        (["--corpus", "nowhere"], "a corpus must be one of"),
        (["--corpus", "recall", "--corpus-option", "length=1"], "the options of recall are"),
        (["--batch-size", "0"], "batch_size must be a positive integer"),
        (["--batch-size", "100000"], "100000"),
        (["--corpus", "wikitext-2", "--corpus-option", "x=1"], "x"),
    ],
)
def test_bad_options(options: list[str], line: str, run: Path, call: Call) -> None:
    assert call("evaluate", run, *options).says_in_one_line(1, line)


def test_a_preset_needs_a_corpus(run: Path, call: Call) -> None:
    assert call("evaluate", run / "model").says_in_one_line(2, "--corpus: a preset has no corpus of its own")


def test_a_damaged_model_is_a_mistake(run: Path, tmp_path: Path, call: Call) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((run / "model" / name).read_bytes())
    (tmp_path / "model.weights.h5").write_bytes(b"no weights")
    assert call("evaluate", tmp_path, "--corpus", "recall").says_in_one_line(
        1, "model.weights.h5 must hold the weights"
    )
