"""The command line, `rnnzoo COMMAND`: a file in `rnnzoo.commands` for each, and TensorFlow only where one needs it."""

import inspect
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from rnnzoo import __version__
from rnnzoo.commands.demo import demo
from rnnzoo.commands.diagnose import diagnose
from rnnzoo.commands.evaluate import evaluate
from rnnzoo.commands.export import export
from rnnzoo.commands.generate import generate
from rnnzoo.commands.list import list_networks
from rnnzoo.commands.measure import measure
from rnnzoo.commands.mistakes import INTERRUPTED, describe
from rnnzoo.commands.predict import predict
from rnnzoo.commands.pretrain import pretrain
from rnnzoo.commands.quiet import quiet
from rnnzoo.commands.report import report
from rnnzoo.commands.serve import serve
from rnnzoo.commands.streams import open_streams
from rnnzoo.commands.train import train
from rnnzoo.commands.tune import tune

__all__ = ["app", "main"]

app = typer.Typer(
    name="rnnzoo",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # `main` says what a user did wrong; a bug keeps Python's own traceback
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)

_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Learn": {"train": train, "tune": tune, "report": report, "pretrain": pretrain},
    "Look": {
        "list": list_networks,
        "evaluate": evaluate,
        "diagnose": diagnose,
        "measure": measure,
        "generate": generate,
    },
    "Serve": {"export": export, "serve": serve, "predict": predict},
    "All of it": {"demo": demo},
}
for panel, commands in _PANELS.items():
    for name, command in commands.items():
        # A single line break is the source's own, which Typer would keep within a paragraph.
        told = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.__doc__ or ""))
        app.command(name, help=told, rich_help_panel=panel)(command)


@app.callback()
def rnnzoo(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Keep TensorFlow's messages, and the traceback of an error.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Say the version and stop.")] = False,
) -> None:
    """Recurrent networks for next-word prediction: trained, compared, exported and served.

    From nothing to suggested next words: [bold]rnnzoo demo[/bold]
    """
    if version:
        typer.echo(f"rnnzoo {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    if not verbose:
        quiet()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code: 0, 1 for a mistake, 2 for a wrong call, 130 after Ctrl-C.

    Args:
        arguments: what stands behind `rnnzoo`; the process's own arguments by default.

    Raises:
        SystemExit: always, unless a bug raises something that is nobody's mistake.
    """
    open_streams()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(arguments, prog_name="rnnzoo", standalone_mode=False)
        sys.stdout.flush()  # here, where a broken pipe can be caught
    except Exception as error:
        mistake = describe(error)
        if mistake is None:
            raise
        if {"--verbose", "-v"} & set(arguments[:1]):
            traceback.print_exc()
        _say(mistake.line)
        sys.exit(mistake.exit_code)
    if code == INTERRUPTED:
        _say("Interrupted.")
    sys.exit(code if isinstance(code, int) else 0)


def _say(line: str) -> None:
    if line:
        print(line, file=sys.stderr, flush=True)
