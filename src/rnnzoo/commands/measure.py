"""`rnnzoo measure`: tables of how far back networks remember, and of what helps."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rnnzoo.commands.mistakes import InterruptionError
from rnnzoo.commands.quiet import import_tensorflow

if TYPE_CHECKING:
    from rnnzoo.tuning.memory.cells import Cell

__all__ = ["NAMES", "measure"]

# Of the tables, which themselves need TensorFlow.
NAMES = ("recall", "adding", "adding-irnn", "adding-skip-update", "remedies", "spread")


def measure(
    table: Annotated[str, typer.Argument(metavar="|".join(NAMES), help="What to measure.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of TABLE.json, every outcome, and TABLE.md.")
    ] = Path("measured"),
    seeds: Annotated[
        int | None,
        typer.Option(help="How many times everything is learnt; 3 for remedies and spread, 1 for the others."),
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="Of remedies: the text; python-docs by default.")] = None,
) -> None:
    """Measure how far back each network can be taught to remember, what each remedy does for a plain one, or how much
    the seed decides.

    It takes from half an hour to a few hours on two cores. Ctrl-C whenever you like: the same command goes on.

    Examples:

      rnnzoo measure recall

      rnnzoo measure remedies --corpus wikitext-2 --seeds 1
    """
    if table not in NAMES:
        raise typer.BadParameter(f"it must be one of {', '.join(NAMES)}, but got {table!r}.", param_hint="TABLE")
    if seeds is not None and seeds < 1:
        raise typer.BadParameter(f"it must be a positive integer, but got {seeds}.", param_hint="--seeds")
    if corpus is not None and table != "remedies":
        raise typer.BadParameter("it belongs to remedies.", param_hint="--corpus")
    import_tensorflow()
    from rnnzoo.atomic_files import atomic_file
    from rnnzoo.tuning.memory.cells import measure as measure_cells
    from rnnzoo.tuning.memory.tables import TABLES

    given = {name: value for name, value in (("seeds", seeds), ("corpus", corpus)) if value is not None}
    chosen = TABLES[table](**given)
    output.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)

    def report(number: int, cell: "Cell", outcome: dict[str, Any], seconds: float) -> None:
        figures = {name: value for name, value in outcome.items() if not isinstance(value, list)}
        shown = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()
        )
        console.print(
            f"{number}/{len(chosen.cells)} {cell.row}, {cell.task}, learning rate {cell.training.rate:g}, "
            f"seed {cell.training.seed}: {shown} ({seconds:.0f} s)",
            highlight=False,
            soft_wrap=True,
        )

    try:
        outcomes = measure_cells(chosen.cells, output / f"{table}.json", report)
    except KeyboardInterrupt:
        raise InterruptionError("Interrupted. Go on with: the same command") from None
    markdown = chosen.markdown(outcomes)
    with atomic_file(output / f"{table}.md") as file:
        file.write(markdown.encode())
    typer.echo(markdown, nl=False)
