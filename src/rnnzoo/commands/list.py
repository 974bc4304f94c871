"""`rnnzoo list`: the nine networks, those that come trained, and how well they did."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnzoo.commands.figures import measured
from rnnzoo.commands.preset_table import HEAD, markdown, preset_rows
from rnnzoo.models.architectures import ARCHITECTURES
from rnnzoo.models.presets import PRESETS

__all__ = ["list_networks"]

# What fits the width of a terminal; all of it is in the table for pages and in the cards.
_SHOWN = ("preset", "MB", "perplexity", "top-1", "top-5", "half-life, words")


def list_networks(
    runs: Annotated[
        Path | None, typer.Argument(help="A folder of runs: shows what they reached on their test splits.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="A PNG file to draw into how far back each preset's gradient reaches.", dir_okay=False),
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
    if picture is not None:
        _draw(picture)
    if as_markdown:
        typer.echo(markdown(preset_rows()))
        return
    figures = None if runs is None else measured(runs)
    table = Table(box=SIMPLE, pad_edge=False, leading=1)
    table.add_column("network, layer", no_wrap=True)
    table.add_column("what it cures, options of its own")
    table.add_column("source")
    if figures is not None:
        table.add_column("on the test split (run)")
    for name, row in ARCHITECTURES.items():
        options = " ".join(f"--{option.replace('_', '-')}" for option in sorted(row.takes))
        cells = [f"{name}\n{row.layer}", f"{row.cures}\n{options}".strip(), row.source]
        if figures is not None:
            cells.append("\n".join(f"{figure} ({figure.run})" for figure in figures.get(name, [])))
        table.add_row(*map(Text, cells))  # as Text: `h[t-skip]` is no markup
    Console().print(table)
    if figures is None:
        Console().print(_presets())


def _draw(path: Path) -> None:
    from rnnzoo.tuning.pretraining.card_figure import zoo_figure

    cards = {name: preset.card for name, preset in PRESETS.items()}
    path.write_bytes(zoo_figure(cards).png())


def _presets() -> Table:
    table = Table(box=SIMPLE, pad_edge=False, title="Trained: LanguageModel.from_preset(NAME)", title_justify="left")
    for name in _SHOWN:
        table.add_column(name, no_wrap=name == "preset", justify="left" if name == "preset" else "right")
    for row in preset_rows():
        table.add_row(*(cell for name, cell in zip(HEAD, row, strict=True) if name in _SHOWN))
    return table
