"""`rnnzoo demo`, smaller than people see it."""

from dataclasses import replace
from pathlib import Path

import pytest
from cli.conftest import Call

from rnnzoo.commands import demo


@pytest.fixture
def small(text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"batch_size": 2, "window": 5, "epochs": 1, "jit_compile": False}
    monkeypatch.setattr(demo, "NETWORK", replace(demo.NETWORK, units=8))
    monkeypatch.setattr(
        demo,
        "TRAINING",
        replace(demo.TRAINING, corpus=str(text_file), corpus_options={}, vocabulary_limit=None, **sizes),
    )
    monkeypatch.setattr(demo, "SEARCH", "learning_rate=0.001,0.01")
    monkeypatch.setattr(demo, "TEXTS", ("the cat", "the dog"))


@pytest.mark.usefixtures("small")
def test_each_step_is_one_line_and_words_are_suggested(tmp_path: Path, call: Call) -> None:
    first = call("demo", "--output", tmp_path / "demo")
    assert 0 == first.code
    assert ["search", "train", "export", "serve"] == [line.split()[0] for line in first.out.splitlines()[:4]]
    again = call("demo", "--output", tmp_path / "demo")
    assert 0 == again.code
    assert _table(first.out) == _table(again.out)
    assert 2 * 5 == sum(line.rstrip().endswith("%") for line in first.out.splitlines())


@pytest.mark.usefixtures("small")
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, call: Call) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "notes.txt").write_text("mine")
    result = call("demo", "--output", tmp_path)
    assert result.says_in_one_line(1, "exists and is not empty")


@pytest.mark.usefixtures("small")
def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnzoo.tuning.search.searching.search", interrupted)
    assert call("demo", "-o", tmp_path).says_in_one_line(130, "Go on with: the same command.")


def _table(out: str) -> list[str]:
    return out.splitlines()[4:]
