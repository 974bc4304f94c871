"""The user's own text: one UTF-8 file, or all `*.txt` files of a folder."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rnnzoo.models.vocabulary import RULES
from rnnzoo.models.word_splitting import split_chunks, split_words
from rnnzoo.tuning.corpora.corpus import Corpus, check_split

__all__ = ["TextFiles"]

_FEWEST_LINES = 20  # the least that leaves one line for each of 90, 5 and 5 percent


@dataclass(frozen=True, kw_only=True)
class TextFiles(Corpus):
    """A text file, or the `*.txt` files of a folder one after the other, in the order of their names.

    Of the lines that hold a word, the first 90 % are for training, the next 5 % for validation and the last 5 % for
    testing. The text is read a line at a time, never as a whole.

    Args:
        path: the file or the folder.
        rule: "words" (default) for text as people write it; "wikitext" for text that is tokenised already, with spaces
            between the tokens.

    Raises:
        FileNotFoundError: if there is no such file, or the folder holds no `*.txt` file.
        ValueError: if a file is empty, not text or not UTF-8, or there are fewer than 20 lines.
    """

    path: Path
    rule: str = "words"
    name: str = field(init=False)
    files: tuple[Path, ...] = field(init=False)
    line_count: int = field(init=False)

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, but got rule={self.rule!r}.")
        path = Path(self.path)
        files = _find_files(path)
        count = 0
        for file in files:
            lines_before = count
            count += sum(1 for _ in _lines_of(file))
            if count == lines_before:
                raise ValueError(f"a text file must hold words, but {file} is empty.")
        if count < _FEWEST_LINES:
            raise ValueError(
                f"a text must have at least {_FEWEST_LINES} lines with words, to be split into training, validation "
                f"and test lines, but {path} has {count}."
            )
        for attribute, value in {
            "path": path,
            "name": path.resolve().stem,
            "files": files,
            "line_count": count,
        }.items():
            object.__setattr__(self, attribute, value)

    @property
    def identity(self) -> str:
        states = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in self.files]
        return f"TextFiles({states}, {self.rule})"

    def texts(self, split: str) -> Iterator[str]:
        check_split(split)
        train, valid = self.line_count * 90 // 100, self.line_count * 5 // 100
        start, stop = {"train": (0, train), "valid": (train, train + valid), "test": (train + valid, None)}[split]
        return islice((line for file in self.files for line in _lines_of(file)), start, stop)

    def _lines(self, split: str) -> Iterator[list[str]]:
        return map(split_words if self.rule == "words" else split_chunks, self.texts(split))


def _find_files(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        files = tuple(sorted(file for file in path.glob("*.txt") if file.is_file()))
        if not files:
            raise FileNotFoundError(f"a folder of texts must hold *.txt files, but {path} holds none.")
        return files
    if not path.exists():
        raise FileNotFoundError(f"a text must be an existing file or folder, but there is no {path}.")
    return (path,)


def _lines_of(file: Path) -> Iterator[str]:
    """The lines of a file that hold a word."""
    offset = 0
    with file.open("rb") as stream:
        for raw in stream:
            if b"\0" in raw:
                position = offset + raw.index(b"\0")
                raise ValueError(f"a text file must hold UTF-8 text, but {file} is binary (byte {position} is NUL).")
            mark = len(codecs.BOM_UTF8) if offset == 0 and raw.startswith(codecs.BOM_UTF8) else 0
            try:
                line = raw[mark:].decode()
            except UnicodeDecodeError as error:
                position = offset + mark + error.start
                raise ValueError(
                    f"a text file must be UTF-8, but byte {position} of {file} is 0x{raw[mark + error.start]:02x}."
                ) from None
            offset += len(raw)
            if split_chunks(line):
                yield line
