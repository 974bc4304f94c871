"""The user's own text: every line in one split, and one clear line about whatever is wrong with it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.corpora.text_files import TextFiles

SPLITS = ("train", "valid", "test")


def _numbered(count: int, start: int = 0) -> str:
    return "".join(f"line number {number} isn't long.\n\n" for number in range(start, start + count))


@given(count=st.integers(20, 150))
def test_every_line_is_in_one_split_in_order(tmp_path_factory: pytest.TempPathFactory, count: int) -> None:
    path = tmp_path_factory.mktemp("text") / "mine.txt"
    path.write_text(_numbered(count))
    corpus = TextFiles(path=path)

    splits = {split: [int(words[2]) for words in corpus.lines(split)] for split in SPLITS}

    assert list(range(count)) == splits["train"] + splits["valid"] + splits["test"]
    assert len(splits["train"]) == count * 90 // 100
    assert len(splits["valid"]) == count * 5 // 100
    assert splits["test"]


def test_lines_are_split_by_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(_numbered(20))

    assert ["line", "number", "0", "isn", "'t", "long", "."] == next(TextFiles(path=path).lines("train"))
    assert ["line", "number", "0", "isn't", "long."] == next(TextFiles(path=path, rule="wikitext").lines("train"))
    with pytest.raises(ValueError, match="rule must be one of words, wikitext, but got rule='letters'"):
        TextFiles(path=path, rule="letters")


def test_a_folder_is_its_text_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(_numbered(15, start=15))
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + _numbered(15).replace("\n", "\r\n").encode())
    (tmp_path / "c.md").write_bytes(b"\0")

    corpus = TextFiles(path=tmp_path)

    assert ("line", tmp_path.name) == (next(corpus.lines("train"))[0], corpus.name)
    assert list(range(30)) == [int(words[2]) for split in SPLITS for words in corpus.lines(split)]


def test_identity_follows_the_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(_numbered(20))
    before = TextFiles(path=path).identity

    assert before == TextFiles(path=path).identity
    assert before != TextFiles(path=path, rule="wikitext").identity
    path.write_text(_numbered(21))
    assert before != TextFiles(path=path).identity


def test_only_the_training_lines_make_the_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(_numbered(20))

    vocabulary = TextFiles(path=path).vocabulary()

    assert "17" in vocabulary
    assert "18" not in vocabulary


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"must hold words, but .*mine\.txt is empty"),
        (b" \n\t\n", "is empty"),
        (b"a\nbc\0d\n", r"mine\.txt is binary \(byte 4 is NUL\)"),
        ("a\nü\n".encode("latin-1"), r"must be UTF-8, but byte 2 of .*mine\.txt is 0xfc"),
        (b"\xef\xbb\xbfa\xff\n", "byte 4 of"),
        (b"one\n" * 19, r"at least 20 lines with words, .* but .*mine\.txt has 19"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=message) as error:
        TextFiles(path=path)
    assert "\n" not in str(error.value)


def test_what_is_missing_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*nowhere\.txt"):
        TextFiles(path=tmp_path / "nowhere.txt")
    with pytest.raises(FileNotFoundError, match=r"must hold \*\.txt files, but .* holds none"):
        TextFiles(path=tmp_path)
