"""A corpus that every Python installation carries: the language reference and the docstrings of its own library."""

import ast
import hashlib
import os
import platform
import re
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rnnzoo.models.arguments import whole
from rnnzoo.models.word_splitting import split_words
from rnnzoo.tuning.corpora.corpus import Corpus

__all__ = ["PythonDocs"]

_NOT_THE_LIBRARY = {"site-packages", "dist-packages", "test", "tests", "idle_test"}
_RULER = re.compile(r"^\W*$", re.MULTILINE)  # the line of asterisks below a title
_PARAGRAPH_END = re.compile(r"\n\s*\n|\n(?=\s*(?:>>> |[-*] ))")  # examples and lists: a line each
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class PythonDocs(Corpus):
    """Python's documentation of itself, as installed: needs no network, and depends on the version of Python.

    Documents are the topics of the language reference (`pydoc_data`), then the docstrings of each module of the
    standard library, read from the sources without importing them. A line is a paragraph; one that was seen before is
    left out, so that nothing is tested on what it was trained on. Every document belongs to one split, 90, 5 and 5 of
    100 of them, by a hash of its name.

    Args:
        words: the training split ends with the document that reaches this number (default 400,000: an epoch of a small
            network takes about a minute on a laptop).

    Raises:
        ValueError: if `words` is not an integer of at least 1,000.
    """

    name: str = field(default="python-docs", init=False)
    rule: str = field(default="words", init=False)
    words: int = 400_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", whole("words", self.words, least=1000))

    @property
    def identity(self) -> str:
        return f"{self!r} of Python {platform.python_version()}"

    def _lines(self, split: str) -> Iterator[list[str]]:
        return iter(self._splits[split])

    @cached_property
    def _splits(self) -> dict[str, list[list[str]]]:
        lines: dict[str, list[list[str]]] = {"train": [], "valid": [], "test": []}
        seen: set[str] = set()
        train_words = 0
        for name, text in _documents():
            split = _split_of(name)
            for paragraph in _paragraphs(text):
                if paragraph not in seen:
                    seen.add(paragraph)
                    lines[split].append(split_words(paragraph))
                    train_words += len(lines["train"][-1]) if split == "train" else 0
            if train_words >= self.words and lines["valid"] and lines["test"]:
                break
        return lines


def _split_of(name: str) -> str:
    number = int(_digest(name), 16) % 20
    return {0: "valid", 1: "test"}.get(number, "train")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _documents() -> Iterator[tuple[str, str]]:
    """Names and texts: the reference first, each group in the order of the hashes, a mixture that never changes."""
    try:
        from pydoc_data.topics import topics  # half a megabyte of text
    except ModuleNotFoundError as error:
        raise FileNotFoundError(f"python-docs needs Python's own documentation, but: {error}.") from error

    for name in sorted(topics, key=_digest):
        yield name, topics[name]
    library = Path(sysconfig.get_path("stdlib"))
    for source in sorted(_sources(library), key=lambda source: _digest(source.relative_to(library).as_posix())):
        yield source.relative_to(library).as_posix(), _docstrings(source)


def _sources(library: Path) -> Iterator[Path]:
    for folder, subfolders, files in os.walk(library):
        subfolders[:] = set(subfolders) - _NOT_THE_LIBRARY
        yield from (Path(folder, file) for file in files if file.endswith(".py"))


def _docstrings(source: Path) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for `\d` in a docstring that is not ours
            tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return ""  # templates that only look like Python
    texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, _Documented)]
    # Lone surrogates occur as examples of what must not occur.
    return "\n\n".join(text for text in texts if text).encode(errors="replace").decode()


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in _PARAGRAPH_END.split(_RULER.sub("\n", text)):
        words = paragraph.split()
        if words and words[0] != "|":  # the row of a table
            yield " ".join(words)
