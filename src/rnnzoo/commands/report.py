"""`rnnzoo report`: what a search found, as a page."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from rnnzoo.commands.quiet import import_tensorflow

__all__ = ["report"]


def report(
    search: Annotated[
        Path, typer.Argument(metavar="SEARCH", help="The folder of `rnnzoo tune`, or a KerasTuner project's.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the page.")] = Path("report"),
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as JSON, for programs.")] = False,
) -> None:
    """Draw what a search found: a page with pictures, PNG and SVG, JSON, CSV, and files for TensorBoard's HParams.

    It may still be running: draw it again later.

    Examples:

      rnnzoo report searches/irnn --output pages/irnn

      tensorboard --logdir pages/irnn/hparams
    """
    from rnnzoo.tuning.search.report.reported_search import read_search

    found = read_search(search)
    import_tensorflow()
    from rnnzoo.tuning.search.report.page import write_report

    ours = found.language and found.best is not None
    command = shlex.join(["rnnzoo", "train", "--from-trial", str(search)])
    page = write_report(found, output, command=f"{command} --output …" if ours else None)
    if as_json:
        typer.echo((output / "report.json").read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo(f"Page: {page}")
