"""A table of what networks remember: the cells to measure, and how their outcomes are shown."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rnnzoo.tuning.memory.cells import Cell, Outcome
from rnnzoo.tuning.pages.markdown_tables import markdown_table

__all__ = ["Table", "by_row", "middle", "number", "shown_half_life"]

OneCell = TypeVar("OneCell", bound=Cell)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What to measure and how to show it.

    Attributes:
        title: a sentence.
        cells: in the order in which they are to be measured.
        heading: of the columns.
        lines: from the outcomes, by the keys of their cells, to the lines under the heading.
    """

    title: str
    cells: tuple[Cell, ...]
    heading: tuple[str, ...]
    lines: Callable[[Mapping[str, Outcome]], list[list[str]]]

    def markdown(self, outcomes: Mapping[str, Outcome]) -> str:
        """The table as Markdown."""
        return f"{self.title}\n\n{markdown_table(self.heading, self.lines(outcomes))}\n"


def by_row(cells: Sequence[OneCell]) -> dict[str, list[OneCell]]:
    """The cells of each line, in the order of the lines."""
    rows: dict[str, list[OneCell]] = {}
    for cell in cells:
        rows.setdefault(cell.row, []).append(cell)
    return rows


def middle(values: Sequence[float | None]) -> float:
    """The median, None counting as infinity.

    >>> middle([3.0, None, 1.0])
    3.0
    """
    return statistics.median(math.inf if value is None else value for value in values)


def number(value: float, digits: int = 3) -> str:
    """Short, and plain where it is not finite.

    >>> number(1234.5), number(0.16667), number(float("inf"))
    ('1230', '0.167', '∞')
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return f"{float(f'{value:.{digits}g}'):.10g}"


def shown_half_life(texts: Sequence[Outcome]) -> str:
    """The median half-life of what learnt a text, of those that did not fail.

    >>> shown_half_life([{"half_life": 3.25, "failed": False}, {"half_life": 9.0, "failed": True}])
    '3.2'
    """
    half_lives = [float(text["half_life"]) for text in texts if not text["failed"] and text["half_life"] is not None]
    return number(middle(half_lives), 2) if half_lives else "–"
