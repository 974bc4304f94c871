"""Says which words of a text the network has never seen: it answers as if `<unk>` stood there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rnnzoo.models.vocabulary import Vocabulary

__all__ = ["note_unknown_words"]


def note_unknown_words(vocabulary: "Vocabulary", texts: Sequence[str]) -> None:
    """One line on standard error, if there are any.

    >>> from rnnzoo.models.vocabulary import Vocabulary
    >>> note_unknown_words(Vocabulary(["<unk>", "<eos>", "to", "be"]), ["to be"])
    """
    words = dict.fromkeys(word for text in texts for word in vocabulary.split(text) if word not in vocabulary)
    if words:
        line = Text(f"Unknown to the network, which reads <unk> instead: {', '.join(words)}.", style="dim")
        Console(stderr=True).print(line, soft_wrap=True)
