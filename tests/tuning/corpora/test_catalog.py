"""Corpora by name and by path."""

import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.tuning.corpora.catalog import open_corpus
from rnnzoo.tuning.corpora.recall import Recall
from rnnzoo.tuning.corpora.text_files import TextFiles


def test_options_pass_through() -> None:
    assert Recall(distance=3, seed=5) == open_corpus("recall", distance=3, seed=5)


def test_a_path_is_the_users_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("to be or not to be\n" * 20)

    assert TextFiles(path=path) == open_corpus(path)
    assert TextFiles(path=path, rule="wikitext") == open_corpus(str(path), rule="wikitext")
    with pytest.raises(ValueError, match=r"options of .*mine\.txt are rule, but got distance"):
        open_corpus(path, distance=3)


def test_unknown_options_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"options of recall are distance, examples, pairs, seed, but got lenght, name\."
    ):
        open_corpus("recall", lenght=3, name="mine")


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"one of wikitext-2, python-docs, recall, adding .*, or the path .* got 'wikitext'"
    ):
        open_corpus("wikitext")


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("to be or not to be\n" * 20)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"a corpus must be one of .* got ''\.$"):
        open_corpus("")


@pytest.mark.parametrize("path", ["missing.txt", "texts/missing", "/missing"])
def test_a_file_that_is_not_there_is_said_not_to_be_there(path: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"but there is no file or folder {path}\.$"):
        open_corpus(path)


def test_corpora_need_no_tensorflow() -> None:
    program = "import sys, rnnzoo.tuning.corpora.catalog; sys.exit('tensorflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
