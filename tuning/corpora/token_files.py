"""A corpus as token ids in a file, so that training reads it through a memory map, however large it is."""

import hashlib
import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from rnnzoo.atomic_files import atomic_file
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.corpora.corpus import SPLITS, Corpus, check_split

__all__ = ["tokens"]

_CHUNK = 1 << 20  # ids held in memory while writing, 4 MiB
_LAYOUT = "1"  # raise it when the same text would be written as other ids
_ROOM = 4 << 30  # bytes
_DAY = 24 * 3600  # seconds; what is younger may be a split of the very corpus that fills the room
_MONTH = 30 * _DAY
_OWN = re.compile(rf".+-({'|'.join(SPLITS)})-[0-9a-f]{{16}}\.npy(\.[0-9a-f]{{8}}\.partial)?")


def tokens(corpus: Corpus, vocabulary: Vocabulary, split: str, cache_folder: Path | str) -> npt.NDArray[np.int32]:
    """The token ids of a split, each line ended by `<eos>`, as a read-only memory map.

    The ids are written once, to a `.npy` file in `cache_folder` whose name depends on the text and on the vocabulary,
    and found there from then on. The file appears whole or not at all. Whenever one is written, those that were not
    read for 30 days go, and beyond 4 GiB those that were not read for a day.

    Args:
        corpus: where the lines come from.
        vocabulary: what turns words into ids. A text as people type it is split by the vocabulary's rule, such as that
            of a preset trained on WikiText; a text that is split as WikiText is needs a vocabulary of that rule.
        split: "train", "valid" or "test".
        cache_folder: where the file is kept; created if missing.

    Returns:
        `(tokens,)` int32 ids.

    Raises:
        ValueError: if the vocabulary cannot split the text, or there is no such split.

    >>> import tempfile
    >>> from rnnzoo.tuning.corpora.recall import Recall
    >>> corpus = Recall(distance=2, examples=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ids = tokens(corpus, corpus.vocabulary(), "test", folder)
    >>> ids.shape, ids.dtype
    ((15,), dtype('int32'))
    """
    check_split(split)
    if corpus.rule not in ("words", vocabulary.rule):
        raise ValueError(
            f"a corpus that is split by {corpus.rule!r} needs a vocabulary that splits so, "
            f"but got {corpus.name} and a vocabulary that splits by {vocabulary.rule!r}."
        )
    content = "\0".join((_LAYOUT, corpus.identity, split, vocabulary.rule, *vocabulary.words))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    path = Path(cache_folder) / f"{corpus.name}-{split}-{digest}.npy"
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except (ValueError, EOFError) as error:
        warnings.warn(f"{path} must be as rnnzoo wrote it, but is not, and is written anew: {error}", stacklevel=2)
    _write(path, _chunks(corpus, vocabulary, split))
    _clear(path.parent)
    return _read(path)


def _read(path: Path) -> npt.NDArray[np.int32]:
    ids: npt.NDArray[np.int32] = np.load(path, mmap_mode="r")
    with suppress(OSError):  # another user's
        os.utime(path)
    return ids


def _clear(folder: Path) -> None:
    """Remove what was not read for long; a process that has it open goes on reading it."""
    now, room = time.time(), _ROOM
    found = []
    for path in folder.iterdir():
        if _OWN.fullmatch(path.name):
            with suppress(OSError):  # another process clears as well
                found.append((path.stat().st_mtime, path.stat().st_size, path))
    for read, size, path in sorted(found, reverse=True):
        room -= size
        if now - read > (_MONTH if room >= 0 else _DAY):
            with suppress(OSError):
                path.unlink()


def _chunks(corpus: Corpus, vocabulary: Vocabulary, split: str) -> Iterator[npt.NDArray[np.int32]]:
    ids: list[int] = []
    same = corpus.rule == vocabulary.rule
    lines = map(vocabulary.encode_words, corpus.lines(split)) if same else map(vocabulary.encode, corpus.texts(split))
    for line in lines:
        ids += line
        ids.append(vocabulary.end_id)
        if len(ids) >= _CHUNK:
            yield np.array(ids, np.int32)
            ids.clear()
    yield np.array(ids, np.int32)


def _write(path: Path, chunks: Iterator[npt.NDArray[np.int32]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        count = 0
        _write_header(file, count)
        for chunk in chunks:
            file.write(chunk.astype("<i4").tobytes())
            count += len(chunk)
        file.seek(0)
        _write_header(file, count)


def _write_header(file: IO[bytes], count: int) -> None:
    # NumPy pads it so that the header for any number of ids takes the same room: it can be written over at the end.
    np.lib.format.write_array_header_1_0(file, {"descr": "<i4", "fortran_order": False, "shape": (count,)})
