"""`rnnzoo list`: the nine networks, those that come trained, and how well they did."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnzoo.commands.preset_table import HEAD, markdown, preset_rows
from rnnzoo.commands.reached import Reached, measured
from rnnzoo.models.architectures import ARCHITECTURES
from rnnzoo.models.presets import PRESETS

__all__ = ["list_networks"]

# What fits the width of a terminal; all of it is in the table for pages and in the cards.
_SHOWN = ("preset", "MB", "perplexity", "top-1", "top-5", "half-life, words")

_WIDE = 80  # columns: enough for the longest network, with room for the name of a run


def list_networks(
    runs: Annotated[
        Path | None, typer.Argument(help="A folder of runs: shows instead what they reached on their test splits.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png|FILE.svg",
            help="A picture to draw into how far back each preset's gradient reaches.",
            dir_okay=False,
        ),
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="The presets with all their figures, as a table for a page.")
    ] = False,
) -> None:
    """Show the nine networks, where each comes from and the options of its own, and the presets, trained on WikiText-2.

    Examples:

      rnnzoo list

      rnnzoo list runs

      rnnzoo list --markdown --picture reach.png
    """
    if as_markdown and runs is not None:
        raise typer.BadParameter(
            f"it is for the presets, and cannot go with a folder of runs, but got {runs}.", param_hint="--markdown"
        )
    if picture is not None:
        if picture.suffix not in (".png", ".svg"):
            raise typer.BadParameter(f"it must end in .png or .svg, but got {picture}.", param_hint="--picture")
        _draw(picture)
    if as_markdown:
        typer.echo(markdown(preset_rows()))
        return
    console = Console()
    if runs is not None:
        found, damages = measured(runs)
        console.print(_runs(found, console.width))
        for damage in damages:
            typer.echo(f"Left out: {damage}", err=True)
        return
    table = Table(box=SIMPLE, pad_edge=False, leading=1)
    table.add_column("network, layer", no_wrap=True)
    table.add_column("what it cures, options of its own")
    table.add_column("source")
    for name, row in ARCHITECTURES.items():
        options = " ".join(f"--{option.replace('_', '-')}" for option in sorted(row.takes))
        cells = [f"{name}\n{row.layer}", f"{row.cures}\n{options}".strip(), row.source]
        table.add_row(*map(Text, cells))  # as Text: `h[t-skip]` is no markup
    console.print(table)
    console.print(_presets())


def _draw(path: Path) -> None:
    from rnnzoo.atomic_files import write_whole
    from rnnzoo.tuning.pretraining.card_figure import zoo_figure

    cards = {name: preset.card for name, preset in PRESETS.items()}
    picture = zoo_figure(cards)
    write_whole(path, picture.svg() if path.suffix == ".svg" else picture.png())


def _runs(found: Mapping[str, Sequence[Reached]], width: int) -> Table:
    """The runs, the best of all first; in a narrow terminal every cell is broken, so that none is cut."""
    rows = sorted((reached, network) for network, own in found.items() for reached in own)
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("run", overflow="fold")
    for name in ("network", "test split"):
        table.add_column(name, no_wrap=width >= _WIDE, overflow="fold")
    for name in ("words", "best epoch"):
        table.add_column(name, no_wrap=width >= _WIDE, justify="right")
    for reached, network in rows:
        words = "" if reached.words is None else f"{reached.words:,}"
        table.add_row(*map(Text, (reached.run, network, str(reached), words, str(reached.epoch))))
    return table


def _presets() -> Table:
    title = "Trained: LanguageModel.from_preset(NAME)"
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left")
    for name in _SHOWN:
        # The one heading of two words may be broken between them.
        table.add_column(name, no_wrap="," not in name, justify="left" if name == "preset" else "right")
    for row in preset_rows():
        table.add_row(*(cell for name, cell in zip(HEAD, row, strict=True) if name in _SHOWN))
    return table
