"""`rnnzoo evaluate`."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Call

from rnnzoo.models.preset_files import preset_vocabulary
from rnnzoo.tuning.evaluation.dynamic_evaluation import DECAYS
from rnnzoo.tuning.evaluation.neural_cache_evaluation import SHARPNESSES


def test_a_run_is_measured_on_the_test_split_of_its_own_corpus(run: Path, call: Call) -> None:
    figures = json.loads(call("evaluate", run, "--json").out)
    assert json.loads((run / "evaluation.json").read_text())["test"] == pytest.approx(figures)


def test_for_people_it_is_one_line(run: Path, text_file: Path, call: Call) -> None:
    out = call("evaluate", run, "--split", "valid", "--batch-size", 1).out
    words = len(preset_vocabulary(run / "model"))
    figures = r"perplexity [\d.]+, [\d.]+ bits per word, right [\d.]+%, .*%\n"
    assert re.fullmatch(rf"{text_file}, valid, \d+ tokens, {words} words known: {figures}", out)


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
    assert call("evaluate", run / "model").says_in_one_line(2, "--corpus: only a run and a preset of the package")


def test_a_damaged_model_is_a_mistake(run: Path, tmp_path: Path, call: Call) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((run / "model" / name).read_bytes())
    (tmp_path / "model.weights.h5").write_bytes(b"no weights")
    assert call("evaluate", tmp_path, "--corpus", "recall").says_in_one_line(
        1, "model.weights.h5 must hold the weights"
    )


def test_a_neural_cache_is_reported_apart(run: Path, text_file: Path, call: Call) -> None:
    static = json.loads(call("evaluate", run, "--json").out)
    options = ["--neural-cache", "--cache-size", "30", "--cache-sharpness", "0.5", "--cache-share", "0.25"]
    figures = json.loads(call("evaluate", run, *options, "--json").out)
    cached = figures.pop("neural_cache")
    assert static == pytest.approx(figures)
    assert (30, 0.5, 0.25) == (cached["size"], cached["sharpness"], cached["share"])
    assert set(static) < set(cached)
    assert static["perplexity"] != cached["perplexity"]
    lines = call("evaluate", run, *options).out.splitlines()
    assert lines[0].startswith(f"{text_file}, test, ")
    assert lines[1].startswith("with a neural cache of 30 words (sharpness 0.5, share 0.25): perplexity ")


@pytest.mark.parametrize("rule", ["rms", "sgd"])
def test_learning_while_reading_is_reported_apart(rule: str, run: Path, call: Call) -> None:
    options = ["--dynamic", "--dynamic-rule", rule, "--dynamic-rate", "0", "--dynamic-segment", "4"]
    still = json.loads(call("evaluate", run, "--batch-size", "1", *options, "--json").out)
    dynamic = still.pop("dynamic")
    assert still == pytest.approx({name: dynamic[name] for name in still}, rel=1e-5)
    assert (rule, 0, 4) == (dynamic["rule"], dynamic["learning_rate"], dynamic["segment"])
    options[4] = "0.0003" if rule == "rms" else "0.5"
    options += ["--dynamic-decay", "0.001"]
    lines = call("evaluate", run, *options).out.splitlines()
    told = f"learning as it reads ({rule}, learning rate {options[4]}, decay 0.001, a step every 4 words): perplexity "
    assert lines[1].startswith(told)
    learning = json.loads(call("evaluate", run, *options, "--json").out)["dynamic"]
    assert learning["perplexity"] < dynamic["perplexity"]


def test_what_is_not_given_is_tuned_on_the_validation_split(run: Path, call: Call) -> None:
    options = ["--neural-cache", "--cache-size", "30", "--cache-share", "0.123", "--dynamic", "--dynamic-rule", "sgd"]
    given = ["--dynamic-rate", "0.4", "--dynamic-segment", "20"]
    figures = json.loads(call("evaluate", run, *options, *given, "--tune-on-validation", "--json").out)
    assert 0.123 == figures["neural_cache"]["share"]
    assert figures["neural_cache"]["sharpness"] in SHARPNESSES
    assert 0.4 == figures["dynamic"]["learning_rate"]
    assert figures["dynamic"]["decay"] in DECAYS


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["--neural-cache", "--cache-share", "1.5"], 1, "share must be from 0 to 1, but got share=1.5"),
        (["--neural-cache", "--cache-size", "0"], 1, "size must be a positive integer, but got size=0"),
        (["--neural-cache", "--cache-sharpness", "-1"], 1, "sharpness must be at least 0 and finite"),
        (["--cache-size", "100"], 2, "--cache-size: it needs --neural-cache"),
        (["--dynamic", "--dynamic-rule", "adam"], 1, "rule must be one of rms, sgd"),
        (["--dynamic", "--dynamic-decay", "2"], 1, "decay must be from 0 to 1"),
        (["--dynamic", "--dynamic-rule", "sgd", "--dynamic-segment", "100000"], 1, "at least one window"),
        (["--dynamic-rate", "1"], 2, "--dynamic-rate: it needs --dynamic"),
        (["--tune-on-validation"], 2, "--tune-on-validation: it needs --neural-cache or --dynamic"),
        (["--neural-cache", "--tune-on-validation", "--split", "valid"], 2, "--split: what was tuned on"),
    ],
)
def test_bad_extras(options: list[str], code: int, line: str, run: Path, call: Call) -> None:
    assert call("evaluate", run, *options).says_in_one_line(code, line)


def test_what_is_known_is_told_before_the_next_reading(
    run: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    import rnnzoo.commands.readings

    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rnnzoo.commands.readings, "evaluate_with_cache", interrupted)
    result = call("evaluate", run, "--neural-cache")
    assert 130 == result.code
    assert result.out.startswith(f"{text_file}, test, ")
    assert "Interrupted.\n" == result.err


def test_a_text_that_has_changed_since_is_said_to_have(run: Path, tmp_path: Path, call: Call) -> None:
    changed = Path(shutil.copytree(run, tmp_path / "run"))
    told = json.loads((run / "run.json").read_text())
    text = tmp_path / "text.txt"
    lines = Path(told["training"]["corpus"]).read_text().splitlines()
    told["training"]["corpus"] = str(text)
    (changed / "run.json").write_text(json.dumps(told))
    for now, expected in (
        (lines, ""),
        ([*lines[1:], lines[0]], f"Warning: {text} has changed since {changed} was trained on it.\n"),  # as long
        (lines * 2, f"Warning: {text} has changed since {changed} was trained on it.\n"),
    ):
        text.write_text("\n".join(now) + "\n")
        result = call("evaluate", changed)
        assert (0, expected) == (result.code, result.err)
    assert "" == call("evaluate", changed, "--corpus", text).err  # asked for by name, it may be any
