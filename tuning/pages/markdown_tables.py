"""A table in Markdown. Needs no TensorFlow."""

from collections.abc import Iterable, Sequence

__all__ = ["markdown_table"]


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The heading and the rows, a line each, without an end of line.

    >>> print(markdown_table(("preset", "MB"), [("gru_wikitext2", "7.2")]))
    | preset | MB |
    | --- | --- |
    | gru_wikitext2 | 7.2 |
    """
    lines = (heading, ["---"] * len(heading), *rows)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
