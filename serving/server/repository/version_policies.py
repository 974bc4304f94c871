"""Which of the versions on disk a model serves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["All", "Latest", "Specific", "VersionPolicy"]


class VersionPolicy(Protocol):
    """A choice among version numbers."""

    def pick(self, versions: Iterable[int]) -> list[int]:
        """The versions to serve of those that there are, newest first: the order in which they load."""
        ...


@dataclass(frozen=True)
class Latest:
    """The newest ones.

    Args:
        count: how many; 1, as in TensorFlow Serving, where 0 means 1 as well.

    Raises:
        ValueError: if `count` is negative.

    >>> Latest(2).pick([9, 10, 1])
    [10, 9]
    """

    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must not be negative, but got count={self.count}.")

    def pick(self, versions: Iterable[int]) -> list[int]:
        return sorted(versions, reverse=True)[: max(1, self.count)]


@dataclass(frozen=True)
class All:
    """Every one.

    >>> All().pick([9, 10, 1])
    [10, 9, 1]
    """

    def pick(self, versions: Iterable[int]) -> list[int]:
        return sorted(versions, reverse=True)


@dataclass(frozen=True)
class Specific:
    """Those that are named, as far as they are there.

    Args:
        versions: their numbers.

    >>> Specific(frozenset({1, 9, 11})).pick([9, 10, 1])
    [9, 1]
    """

    versions: frozenset[int]

    def pick(self, versions: Iterable[int]) -> list[int]:
        return sorted(self.versions & set(versions), reverse=True)
