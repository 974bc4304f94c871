"""What went wrong, in one line: a user's mistake as against a bug."""

import os
import sys
from dataclasses import dataclass
from typing import Any

import typer

__all__ = ["INTERRUPTED", "DivergedRunError", "InterruptionError", "Mistake", "describe"]

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class InterruptionError(Exception):
    """Ctrl-C, where there is something to say about how to go on."""


class DivergedRunError(Exception):
    """A training that blew up, with advice in terms of options."""


@dataclass(frozen=True)
class Mistake:
    """What to print, on one line, and the exit code to leave with."""

    line: str
    exit_code: int = 1


def describe(error: Exception) -> Mistake | None:
    """The line for an error that a user can mend; None for a bug, which keeps its traceback.

    >>> describe(ValueError("units must be a positive integer, but got units=0."))
    Mistake(line='Error: units must be a positive integer, but got units=0.', exit_code=1)
    >>> describe(FileNotFoundError(2, "No such file or directory", "runs/irnn"))
    Mistake(line='Error: runs/irnn: No such file or directory.', exit_code=1)
    >>> describe(ZeroDivisionError()) is None
    True
    """
    if isinstance(error, BrokenPipeError):
        _close_stdout()
        return Mistake("")
    if isinstance(error, typer.Abort):
        return Mistake("Interrupted.", INTERRUPTED)
    if isinstance(error, InterruptionError):
        return Mistake(_one_line(error), INTERRUPTED)
    if hasattr(error, "format_message"):  # Typer's own, for a wrong call; its base class moves between its versions
        return _wrong_call(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        return Mistake(f"Error: {error.filename}: {error.strerror}.")
    if _is_of_files(error):
        return Mistake(f"Error: {str(getattr(error, 'message', error)).splitlines()[0]}.")
    missing_extra = isinstance(error, ImportError) and "pip install" in str(error)
    if isinstance(error, ValueError | OSError) or missing_extra or type(error).__module__.startswith("rnnzoo."):
        return Mistake(f"Error: {_one_line(error)}")
    return None


def _is_of_files(error: Exception) -> bool:
    """Whether TensorFlow, which has its own way to files, was refused one, or memory; never imports it."""
    kinds = ("PermissionDeniedError", "NotFoundError", "ResourceExhaustedError")
    return type(error).__module__.startswith("tensorflow.") and type(error).__name__ in kinds


def _wrong_call(error: Any) -> Mistake:
    context = getattr(error, "ctx", None)
    hint = f" See {context.command_path} --help." if context else ""
    message = " ".join(error.format_message().split())
    return Mistake(f"Error: {message}{'' if message[-1:] in '.?' else '.'}{hint}", error.exit_code)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _close_stdout() -> None:
    # The reader went away (`rnnzoo list | head -1`): what is still buffered must not fail once more at the exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
