"""The states behind recent texts, so that a text which goes on from one of them runs only its new words."""

import secrets
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from weakref import WeakKeyDictionary

import numpy as np

from rnnzoo.serving.server.repository.servable import Servable

__all__ = ["ASKED", "PrefixCache", "beginnings"]

ASKED: tuple[np.ndarray, ...] = ()
"""In place of the context behind a text that was asked about, and no more."""

# What Python itself needs for an entry of a few small arrays.
_OVERHEAD_BYTES = 500
_KEY_BYTES = 16
# Of a text whose beginning up to the last word is new, shorter ones are looked up: so many, so that it takes no time.
_MOST_BEGINNINGS = 256
_NEAREST_BEGINNINGS = 8  # of them first: who types adds a word or two
_MOST_BYTES_BACK = 4096
_SPACES = b" \t\n\r\x0b\x0c"


class PrefixCache:
    """Contexts by the text that they are behind; the ones unused for the longest go first. Lives in the loop.

    Exact: a context is found by the whole text, of the same version of the same model, hashed with a key that is drawn
    anew in every process.

    Args:
        most_bytes: what all contexts together may take.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, tuple[np.ndarray, ...]] = OrderedDict()
        self._salts: WeakKeyDictionary[Servable, bytes] = WeakKeyDictionary()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def key(self, servable: Servable, text: bytes) -> bytes:
        """The key of the context behind a text."""
        return blake2b(text, digest_size=_KEY_BYTES, key=self._salt(servable)).digest()

    def shorter_keys(self, servable: Servable, text: bytes) -> Iterator[tuple[int, bytes]]:
        """Where the words of a text end, except its last one, and the key of the text up to there; longest first."""
        window = max(0, len(text) - _MOST_BYTES_BACK)
        ends = islice(beginnings(text[window:]), 1, _MOST_BEGINNINGS)
        for most in (_NEAREST_BEGINNINGS, _MOST_BEGINNINGS):
            digest, hashed, keys = blake2b(digest_size=_KEY_BYTES, key=self._salt(servable)), 0, []
            for end in reversed([window + end for end in islice(ends, most)]):
                digest.update(text[hashed:end])
                keys.append((end, digest.copy().digest()))
                hashed = end
            yield from reversed(keys)

    def get(self, key: bytes) -> tuple[np.ndarray, ...] | None:
        """The context behind a text, or `ASKED`, which is now the one used last; None if nothing is known of it."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: bytes, context: tuple[np.ndarray, ...]) -> None:
        """Keeps a context, or `ASKED`, if it is not larger than all that may be kept."""
        size = _size(context)
        if size > self._most_bytes:
            return
        before = self._entries.pop(key, None)
        if before is not None:
            self.bytes -= _size(before)
        self._entries[key] = context
        self.bytes += size
        while self.bytes > self._most_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.bytes -= _size(oldest)

    def _salt(self, servable: Servable) -> bytes:
        salt = self._salts.get(servable)
        if salt is None:  # versions come and go: two must never share a key
            salt = self._salts[servable] = secrets.token_bytes(_KEY_BYTES)
        return salt


def beginnings(text: bytes) -> Iterator[int]:
    """Where a word of the text ends and whitespace or nothing follows, from the longest beginning to the shortest.

    >>> text = b" to be  or"
    >>> [text[:end] for end in beginnings(text)]
    [b' to be  or', b' to be', b' to']
    """
    rest = text.rstrip(_SPACES)
    while rest:
        yield len(rest)
        before, *word = rest.rsplit(None, 1)
        rest = before if word else b""


def _size(context: tuple[np.ndarray, ...]) -> int:
    return _OVERHEAD_BYTES + sum(array.nbytes for array in context)
