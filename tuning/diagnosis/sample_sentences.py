"""A sentence of a corpus to show a network's reach on."""

from collections.abc import Iterable, Sequence
from itertools import islice

from rnnzoo.models.vocabulary import Vocabulary

__all__ = ["sample_sentence"]

_LINES, _FEWEST, _MOST, _PARAGRAPH = 300, 8, 60, 25


def sample_sentence(lines: Iterable[Sequence[str]], vocabulary: Vocabulary) -> str | None:
    """The first line of a corpus that is long enough to show something and ends in a word that the network knows.

    What stands behind the last such word is left out, and so is what a paragraph has beyond its first 25 words.

    Returns:
        The sentence; the longest there is if none has 8 words; None if none has two.

    >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not"]])
    >>> sample_sentence([["to"], ["to", "be", "or", "not", "to", "be", "?"]], vocabulary)
    'to be or not to be'
    """
    best: list[str] = []
    for line in islice(lines, _LINES):
        words = list(line if len(line) <= _MOST else line[:_PARAGRAPH])
        while words and not (words[-1].isalpha() and words[-1] in vocabulary):
            words.pop()
        if len(words) > len(best) and vocabulary.split(" ".join(words)) == words:
            best = words
        if len(best) >= _FEWEST:
            break
    return " ".join(best) if len(best) >= 2 else None
