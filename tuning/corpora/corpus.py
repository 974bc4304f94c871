"""What every corpus can do: say its lines, split by split, and build the vocabulary of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import chain
from typing import ClassVar

from rnnzoo.models.vocabulary import Vocabulary

__all__ = ["SPLITS", "Corpus", "check_split"]

SPLITS = ("train", "valid", "test")


def check_split(split: str) -> None:
    """Raise a ValueError if `split` is not one of "train", "valid" and "test"."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, but got {split=}.")


class Corpus(ABC):
    """A text in three splits, "train", "valid" and "test". Each concrete corpus is a frozen dataclass: its fields are
    the options that `open_corpus` takes.

    Attributes:
        name: what the corpus is called in tables and file names.
        rule: how its text is split into words, see `rnnzoo.models.vocabulary.Vocabulary`.
        vocabulary_splits: the splits whose words the vocabulary holds; the training split alone unless the corpus is
            published with a vocabulary of its own.
    """

    name: str
    rule: str
    vocabulary_splits: ClassVar[tuple[str, ...]] = ("train",)

    def lines(self, split: str) -> Iterator[list[str]]:
        """The words of each line of a split, in order, without `<eos>`. Raises a ValueError for an unknown split."""
        check_split(split)
        return self._lines(split)

    def texts(self, split: str) -> Iterator[str]:
        """Each line of a split as it was typed, as far as the corpus knows it: for a vocabulary of another rule."""
        return map(" ".join, self.lines(split))

    @abstractmethod
    def _lines(self, split: str) -> Iterator[list[str]]:
        """What `lines` returns, for one of the three splits."""

    @property
    def identity(self) -> str:
        """Text that differs whenever the lines do; what was computed from the corpus is kept under it."""
        return repr(self)

    def vocabulary(self, limit: int | None = None) -> Vocabulary:
        """The corpus's words by falling frequency.

        Args:
            limit: the most words, `<unk>` and `<eos>` included; None (default) keeps all.

        Raises:
            ValueError: if `limit` leaves no room for a word, or the text cannot be split.
            OSError: if the text cannot be read.
        """
        lines = chain.from_iterable(self.lines(split) for split in self.vocabulary_splits)
        return Vocabulary.from_lines(lines, limit, self.rule)
