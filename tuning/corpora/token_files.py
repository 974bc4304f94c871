"""A corpus as token ids in a file, so that training reads it through a memory map, however large it is."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.atomic_files import atomic_file
from rnnzoo.tuning.corpora.corpus import Corpus, check_split

__all__ = ["tokens"]

_CHUNK = 1 << 20  # ids held in memory while writing, 4 MiB
_LAYOUT = "1"  # raise it when the same text would be written as other ids


def tokens(corpus: Corpus, vocabulary: Vocabulary, split: str, cache_folder: Path | str) -> npt.NDArray[np.int32]:
    """The token ids of a split, each line ended by `<eos>`, as a read-only memory map.

    The ids are written once, to a `.npy` file in `cache_folder` whose name depends on the text and on the vocabulary,
    and found there from then on. The file appears whole or not at all.

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
    if not path.exists():
        _write(path, _chunks(corpus, vocabulary, split))
    return np.load(path, mmap_mode="r")


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
