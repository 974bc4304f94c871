"""Where a vocabulary is cut into frequent and rarer words, for the adaptive softmax. Needs no TensorFlow."""

from collections.abc import Sequence
from itertools import pairwise

from rnnzoo.models.arguments import is_integer

__all__ = ["check_cutoffs", "default_cutoffs"]


def default_cutoffs(vocabulary_size: int) -> tuple[int, ...]:
    """The first of the rarer words, and the first of the rarest.

    A sixteenth of the words and a quarter of them, near the 20,000 and 60,000 of 267,735 that Baevski & Auli (2019)
    chose. In WikiText-2 the first part holds 78 % of all that is read, the last 9 %.

    >>> default_cutoffs(33278)
    (2079, 8319)
    """
    return max(1, vocabulary_size // 16), max(2, vocabulary_size // 4)


def check_cutoffs(cutoffs: Sequence[int], vocabulary_size: int | None = None) -> tuple[int, ...]:
    """The cutoffs as a tuple, if they cut each part of a vocabulary to at least one word.

    Args:
        cutoffs: the ids that the second part begins with, the third, and so on.
        vocabulary_size: V; None, not known yet.

    Raises:
        ValueError: if they do not rise from at least 1 to below V.

    >>> check_cutoffs([2, 4], vocabulary_size=5)
    (2, 4)
    >>> check_cutoffs([2, 5], vocabulary_size=5)
    Traceback (most recent call last):
        ...
    ValueError: cutoffs must be below the number of words, 5, but got cutoffs=(2, 5).
    """
    given = tuple(cutoffs) if isinstance(cutoffs, list | tuple) else ()
    if not given or not all(map(is_integer, given)) or any(last >= first for last, first in pairwise((0, *given))):
        raise ValueError(f"cutoffs must be one or more positive integers that rise, but got {cutoffs=}.")
    if vocabulary_size is not None and given[-1] >= vocabulary_size:
        raise ValueError(f"cutoffs must be below the number of words, {vocabulary_size}, but got cutoffs={given}.")
    return tuple(int(cutoff) for cutoff in given)
