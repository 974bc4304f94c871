"""Next words and their probabilities, as people read them."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from rnnzoo.models.answers import Suggestion

__all__ = ["suggestion_table"]


def suggestion_table(texts: Sequence[str], suggestions: Sequence[Sequence[Suggestion]]) -> Table:
    """A block of rows per text, likeliest word first."""
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("text")
    table.add_column("next word")
    table.add_column("probability", justify="right")
    for text, words in zip(texts, suggestions, strict=True):
        for rank, suggestion in enumerate(words):
            # As Text: a word may be `[/b]`, which is no markup here.
            table.add_row(
                Text(text if rank == 0 else ""),
                Text(suggestion.word),
                f"{suggestion.probability:.1%}",
                end_section=rank == len(words) - 1,
            )
    return table
