"""`--corpus-option distance=50`: what a corpus takes beside its name."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

__all__ = ["CorpusOptions", "parse_corpus_options"]

CorpusOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--corpus-option",
        metavar="NAME=VALUE",
        help="What the corpus takes beside its name, such as distance=50 for recall. May be given several times.",
        rich_help_panel="Text",
    ),
]


def parse_corpus_options(options: Sequence[str] | None) -> dict[str, Any] | None:
    """Names and values, the values as integers or numbers where they are; None where nothing was given.

    >>> parse_corpus_options(["distance=50", "seed=1"])
    {'distance': 50, 'seed': 1}
    """
    if not options:
        return None
    parsed: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not (name and equals and text):
            raise typer.BadParameter(f"it must be NAME=VALUE, but got {option!r}.", param_hint="--corpus-option")
        parsed[name] = _value(text)
    return parsed


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
