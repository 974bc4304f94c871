"""`--neural-cache` and its numbers, for the commands that can mix a cache into a network's answers."""

from typing import Annotated

import typer

from rnnzoo.commands.refusals import refuse_without
from rnnzoo.models.neural_cache import NeuralCache

__all__ = ["CacheShare", "CacheSharpness", "CacheSize", "UseCache", "chosen_cache"]

_PANEL = "Neural cache"

UseCache = Annotated[
    bool,
    typer.Option(
        "--neural-cache", help="Make words likelier that the text itself has just used.", rich_help_panel=_PANEL
    ),
]
CacheSize = Annotated[
    int | None,
    typer.Option(help=f"How many past words it remembers; {NeuralCache.size} by default.", rich_help_panel=_PANEL),
]
CacheSharpness = Annotated[
    float | None,
    typer.Option(
        help=f"How much more a similar context counts; 0, all alike; {NeuralCache.sharpness} by default.",
        rich_help_panel=_PANEL,
    ),
]
CacheShare = Annotated[
    float | None,
    typer.Option(
        help=f"Its share of the probability, from 0 to 1; {NeuralCache.share} by default.", rich_help_panel=_PANEL
    ),
]


def chosen_cache(wanted: bool, size: int | None, sharpness: float | None, share: float | None) -> NeuralCache | None:
    """The cache that the options ask for; None where it is not wanted."""
    given = {"size": size, "sharpness": sharpness, "share": share}
    given = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        refuse_without("--neural-cache", *(f"--cache-{name}" for name in given))
        return None
    return NeuralCache(**given)  # type: ignore[arg-type]
