"""What a person sees while a network reads a text to be measured."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rnnzoo.tuning.evaluation.watching import Watch

__all__ = ["reading_bar"]


@contextmanager
def reading_bar(description: str, console: Console) -> Iterator[Watch]:
    """A bar that is there while the block runs, on a terminal; nothing elsewhere.

    Args:
        description: what is being done.
        console: where to draw. What is printed elsewhere meanwhile stays where it goes.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    bar = Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task(description, total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)
