"""`rnnzoo generate`."""

from pathlib import Path

import pytest
from cli.conftest import SENTENCE, Call


def test_it_continues_each_text_with_words_of_the_corpus(run: Path, call: Call) -> None:
    result = call("generate", run, "the cat", "", "--max-words", 6, "--seed", 1)
    first, second = result.out.splitlines()
    assert first.startswith("the cat")
    assert set(SENTENCE.split()) >= set(f"{first} {second}".split())
    assert len(first.split()) <= 8


def test_a_preset_is_as_good_as_its_run_and_a_seed_gives_the_same_words(run: Path, call: Call) -> None:
    options = ["the", "--seed", "7", "--temperature", "2", "--top-k", "5", "--top-p", "0.9"]
    assert call("generate", run, *options) == call("generate", run / "model", *options)


def test_unknown_words_are_named(run: Path, call: Call) -> None:
    result = call("generate", run, "the zzzqqq", "xxyyz cat zzzqqq")
    assert (0, 2) == (result.code, result.out.count("\n"))
    assert "Unknown to the network, which reads <unk> instead: zzzqqq, xxyyz.\n" == result.err
    assert "" == call("generate", run, "the cat").err


def test_temperature_0_needs_no_seed(run: Path, call: Call) -> None:
    options = ["the cat", "--temperature", "0"]
    assert call("generate", run, *options) == call("generate", run, *options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--max-words", "0"], "max_words must be"),
        (["--temperature", "-1"], "temperature must be"),
        (["--top-k", "-1"], "top_k must be"),
        (["--top-p", "0"], "top_p must be"),
    ],
)
def test_bad_options(options: list[str], line: str, run: Path, call: Call) -> None:
    assert call("generate", run, "the", *options).says_in_one_line(1, line)


@pytest.mark.parametrize("command", [["generate"], ["evaluate"], ["export"]])
def test_a_folder_without_a_model(command: list[str], tmp_path: Path, call: Call) -> None:
    more = {"generate": ["text"], "export": [tmp_path / "export"]}.get(command[0], [])
    assert call(*command, tmp_path / "nowhere", *more).says_in_one_line(1, "nowhere is neither")
    assert call(*command, tmp_path, *more).says_in_one_line(1, "holds neither run.json nor config.json")
    (tmp_path / "config.json").write_text("{}")
    assert call(*command, tmp_path, *more).says_in_one_line(1, "a language model has a tokenizer.json")
    (tmp_path / "config.json").rename(tmp_path / "run.json")
    assert call(*command, tmp_path, *more).says_in_one_line(1, "its first epoch is not over")


def test_a_text_is_needed(run: Path, call: Call) -> None:
    assert call("generate", run).says_in_one_line(2, "Missing argument")
