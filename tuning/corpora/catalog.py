"""Opens a corpus by its name, or the user's own text by its path."""

import dataclasses
from pathlib import Path
from typing import Any

from rnnzoo.tuning.corpora.corpus import Corpus
from rnnzoo.tuning.corpora.python_docs import PythonDocs
from rnnzoo.tuning.corpora.recall import Recall
from rnnzoo.tuning.corpora.text_files import TextFiles
from rnnzoo.tuning.corpora.wikitext import WikiText2

__all__ = ["CORPORA", "open_corpus"]

CORPORA: dict[str, type[Corpus]] = {"wikitext-2": WikiText2, "python-docs": PythonDocs, "recall": Recall}


def open_corpus(name_or_path: str | Path, **options: Any) -> Corpus:
    """Open a corpus.

    Args:
        name_or_path: a key of `CORPORA`, or else the path of a text file or of a folder of `*.txt` files.
        options: what the corpus's class takes, such as `distance` for "recall".

    Raises:
        ValueError: for options that the corpus does not take, or takes with other values; and what the class raises.
        FileNotFoundError: if `name_or_path` is neither a name nor a path that exists.

    >>> open_corpus("recall", distance=50).lag
    60
    """
    corpus_class = CORPORA.get(str(name_or_path), TextFiles)
    if corpus_class is TextFiles:
        if not (str(name_or_path) and Path(name_or_path).exists()):  # an empty path is the current folder's
            raise _not_found(str(name_or_path))
        options = {"path": Path(name_or_path), **options}
    known = {field.name for field in dataclasses.fields(corpus_class) if field.init}  # type: ignore[arg-type]
    unknown = sorted(set(options) - known)
    if unknown:
        allowed = ", ".join(sorted(known - {"path"}))
        raise ValueError(f"the options of {name_or_path} are {allowed}, but got {', '.join(unknown)}.")
    return corpus_class(**options)


def _not_found(corpus: str) -> FileNotFoundError:
    names = ", ".join(CORPORA)
    rule = f"a corpus must be one of {names}, adding (for training alone), or the path of a text file or folder"
    if len(Path(corpus).parts) > 1 or Path(corpus).suffix:
        return FileNotFoundError(f"{rule}, but there is no file or folder {corpus}.")
    return FileNotFoundError(f"{rule}, but got {corpus!r}.")
