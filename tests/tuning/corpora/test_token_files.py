"""Token files: the right ids, written once, whole or not at all."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.corpora import token_files
from rnnzoo.tuning.corpora.corpus import Corpus
from rnnzoo.tuning.corpora.recall import Recall
from rnnzoo.tuning.corpora.text_files import TextFiles
from rnnzoo.tuning.corpora.token_files import tokens

VOCABULARY = Vocabulary(("<unk>", "<eos>", "a", "b"))


@dataclass(frozen=True)
class _Lines(Corpus):
    text: tuple[str, ...]
    name: str = "lines"
    rule: str = "words"

    def _lines(self, split: str) -> Iterator[list[str]]:
        for line in self.text:
            if line == "fail":
                raise OSError("the disk is gone.")
            yield line.split()


def test_lines_end_with_eos_and_unknown_words_are_unknown(tmp_path: Path) -> None:
    ids = tokens(_Lines(("a b", "", "c a")), VOCABULARY, "train", tmp_path)

    assert [2, 3, 1, 1, 0, 2, 1] == ids.tolist()
    assert ids.dtype == np.int32
    assert isinstance(ids, np.memmap)
    assert not ids.flags.writeable


def test_many_chunks_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Recall(examples=300)
    vocabulary = corpus.vocabulary()
    whole = tokens(corpus, vocabulary, "train", tmp_path / "whole")
    monkeypatch.setattr(token_files, "_CHUNK", 100)

    chunked = tokens(corpus, vocabulary, "train", tmp_path / "chunked")

    assert 300 * corpus.line_tokens == len(whole)
    assert whole.tolist() == chunked.tolist()


def test_a_file_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path)
    monkeypatch.setattr(token_files, "_write", None)

    assert first.tolist() == tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path).tolist()


def test_whatever_changes_the_ids_changes_the_file(tmp_path: Path) -> None:
    other = Vocabulary(("<unk>", "<eos>", "b", "a"))
    tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path)
    tokens(_Lines(("b",)), VOCABULARY, "train", tmp_path)
    tokens(_Lines(("a",)), VOCABULARY, "valid", tmp_path)
    tokens(_Lines(("a",)), other, "train", tmp_path)

    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append([path.suffix for path in tmp_path.glob("[!.]*")]))
    tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path)
    assert [[]] == synced
    assert [".npy"] == [path.suffix for path in tmp_path.iterdir()]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        tokens(_Lines(("a", "fail")), VOCABULARY, "train", tmp_path)

    assert not list(tmp_path.iterdir())


def _aged(name: str, folder: Path, days: float, size: int = 1) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    return path


def test_what_was_not_read_for_a_month_goes(tmp_path: Path) -> None:
    digest = "0123456789abcdef"
    kept = [_aged(f"notes-test-{digest}.npy", tmp_path, 29), _aged("data-of-mine.npy", tmp_path, 99)]
    _aged(f"notes-train-{digest}.npy", tmp_path, 31)
    _aged(f".notes-train-{digest}.npy.01234567.partial", tmp_path, 31)
    tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path)
    (new,) = tmp_path.glob("lines-*.npy")
    assert {new, *kept} == set(tmp_path.iterdir())
    os.utime(new, (0, 0))
    tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path)
    assert time.time() - new.stat().st_mtime < 24 * 3600


def test_beyond_a_size_the_latest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_files, "_ROOM", 1000)
    names = [f"notes-train-{number:016x}.npy" for number in range(4)]
    young, later, _, _ = (
        _aged(name, tmp_path, days, size)
        for name, days, size in zip(names, (0.5, 2, 3, 4), (300, 400, 400, 10), strict=True)
    )
    tokens(_Lines(("a",)), VOCABULARY, "train", tmp_path)
    assert {young, later} == set(tmp_path.glob("notes-*"))
    monkeypatch.setattr(token_files, "_ROOM", 0)
    tokens(_Lines(("b",)), VOCABULARY, "train", tmp_path)
    assert {young} == set(tmp_path.glob("notes-*"))


@pytest.mark.parametrize("left", [0, 40, 130])
def test_a_damaged_file_is_named_and_written_anew(left: int, tmp_path: Path) -> None:
    first = tokens(_Lines(("a b",)), VOCABULARY, "train", tmp_path).tolist()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:left])
    with pytest.warns(UserWarning, match=rf"{path.name} must be as rnnzoo wrote it, but is not, and is written anew"):
        again = tokens(_Lines(("a b",)), VOCABULARY, "train", tmp_path)
    assert first == again.tolist()


def test_a_text_of_wikitext_needs_a_vocabulary_of_its_rule(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"split by 'wikitext' needs .* but got lines and a vocabulary .* by 'words'"):
        tokens(_Lines(("a",), rule="wikitext"), VOCABULARY, "train", tmp_path)


def test_a_typed_text_is_split_as_the_vocabulary_splits(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("A real-time game, U.S. only.\n" * 20)
    words = ("<unk>", "<eos>", "A", "real", "@-@", "time", "game", ",", "U.S.", "only", ".")
    ids = tokens(TextFiles(path=tmp_path / "text.txt"), Vocabulary(words, "wikitext"), "test", tmp_path)
    assert [2, 3, 4, 5, 6, 7, 8, 9, 10, 1] == ids.tolist()


def test_there_are_three_splits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="split must be one of train, valid, test"):
        tokens(_Lines(("a",)), VOCABULARY, "dev", tmp_path)
