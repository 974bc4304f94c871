"""WikiText-2: the published counts, and where the files come from."""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnzoo.tuning.corpora import wikitext_files
from rnnzoo.tuning.corpora.catalog import open_corpus
from rnnzoo.tuning.corpora.corpus import Corpus
from rnnzoo.tuning.corpora.token_files import tokens
from rnnzoo.tuning.corpora.wikitext import WikiText2

NAMES = ("train", "valid", "test")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    if not Path(os.environ.get("RNNZOO_DATA", ""), "wikitext-2").is_dir():
        pytest.skip("WikiText-2 is not here: set RNNZOO_DATA to a folder that holds wikitext-2/train.txt and so on.")
    return open_corpus("wikitext-2")


def test_published_counts(corpus: Corpus, tmp_path: Path) -> None:
    vocabulary = corpus.vocabulary()

    assert len(vocabulary) == 33_278
    assert ("<unk>", "<eos>", "the", ",", ".") == vocabulary.words[:5]
    counts = {split: len(tokens(corpus, vocabulary, split, tmp_path)) for split in NAMES}
    assert {"train": 2_088_628, "valid": 217_646, "test": 245_569} == counts


def test_its_text_is_read_back_as_it_is_tokenised(corpus: Corpus) -> None:
    vocabulary = corpus.vocabulary()

    for line in corpus.lines("valid"):
        assert line == vocabulary.split(" ".join(line))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A home without WikiText-2, and an address that gives a small one in its place."""
    texts = {name: f" \n = {name} = \n a <unk> b \n".encode() for name in NAMES}
    with zipfile.ZipFile(tmp_path / "wikitext.zip", "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"wikitext-2/wiki.{name}.tokens", text)
    monkeypatch.setattr(wikitext_files, "ADDRESS", (tmp_path / "wikitext.zip").as_uri())
    for name, text in texts.items():
        monkeypatch.setitem(wikitext_files.SHA256, f"{name}.txt", hashlib.sha256(text).hexdigest())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RNNZOO_DATA", raising=False)
    return texts


def test_it_is_downloaded_once(small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = WikiText2()
    monkeypatch.setattr(wikitext_files, "ADDRESS", "file:///nowhere.zip")

    assert tmp_path / "home" / ".cache" / "rnnzoo" / "wikitext-2" == corpus.folder
    assert [corpus.folder] == list(corpus.folder.parent.iterdir())
    assert [[], ["=", "valid", "="], ["a", "<unk>", "b"]] == list(WikiText2().lines("valid"))
    assert ("<unk>", "<eos>", "=", "a", "b", "train", "valid", "test") == corpus.vocabulary().words


def test_rnnzoo_data_comes_first(small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "wikitext-2"
    folder.mkdir(parents=True)
    for name, text in small.items():
        (folder / f"{name}.txt").write_bytes(text)
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path / "data"))

    assert folder == WikiText2().folder


@pytest.mark.parametrize("address", ["file:///nowhere.zip", "http://127.0.0.1:9/wikitext.zip"])
def test_without_network_one_line_says_where_to_put_it(
    small: dict[str, bytes], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wikitext_files, "ADDRESS", address)

    with pytest.raises(FileNotFoundError, match=r"folder wikitext-2 of \$RNNZOO_DATA \(not set\)") as error:
        WikiText2()
    assert "\n" not in str(error.value)


def test_an_archive_of_something_else_is_refused(
    small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.html").write_text("<html>")
    monkeypatch.setattr(wikitext_files, "ADDRESS", (tmp_path / "page.html").as_uri())
    with pytest.raises(FileNotFoundError, match="not a zip file"):
        WikiText2()


def test_other_files_are_refused(small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wikitext_files.SHA256, "test.txt", "0" * 64)

    with pytest.raises(ValueError, match=r"test\.txt must be WikiText-2's, with SHA-256 0+, but it has"):
        WikiText2()
    assert not list((tmp_path / "home" / ".cache" / "rnnzoo").iterdir())
    with pytest.raises(FileNotFoundError, match=r"must hold train\.txt, but there is no"):
        WikiText2(folder=tmp_path)
