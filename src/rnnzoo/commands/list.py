"""`rnnzoo list`: the nine networks, and how well they did."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnzoo.commands.figures import measured
from rnnzoo.models.architectures import ARCHITECTURES

__all__ = ["list_networks"]


def list_networks(
    runs: Annotated[
        Path | None, typer.Argument(help="A folder of runs: shows what they reached on their test splits.")
    ] = None,
) -> None:
    """Show the nine networks: their layers, what each is for, where it comes from, and the options of its own.

    Examples:

      rnnzoo list

      rnnzoo list runs
    """
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
