"""What went wrong, in one line: a user's mistake as against a bug."""

import dis
import errno
import os
import re
import sys
from dataclasses import dataclass
from typing import Any

import typer

__all__ = ["INTERRUPTED", "DivergedRunError", "InterruptionError", "Mistake", "describe", "file_error", "said_of_file"]

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_FULL = {os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT)}
_STDOUT = "standard output"


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

    A ValueError is a user's mistake if rnnzoo says so. What Python, NumPy or Keras make of a value is a bug, for they
    know nothing of what the user asked for.

    >>> from rnnzoo.models.architectures import NetworkConfig
    >>> try:
    ...     NetworkConfig(network="gru", units=0)
    ... except ValueError as error:
    ...     describe(error)
    Mistake(line='Error: units must be a positive integer, but got units=0.', exit_code=1)
    >>> describe(FileNotFoundError(2, "No such file or directory", "runs/irnn"))
    Mistake(line='Error: runs/irnn: No such file or directory.', exit_code=1)
    >>> try:
    ...     float("0.1.2")
    ... except ValueError as error:
    ...     describe(error) is None
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
    unwritten = file_error(error)
    if unwritten is not None:
        if unwritten.filename == _STDOUT:
            _close_stdout()
        hint = " Make room there, or choose another place." if unwritten.strerror in _FULL else ""
        return Mistake(f"Error: {said_of_file(unwritten)}{hint}")
    if _is_of_tensorflow(error):
        return Mistake(f"Error: {_first_line(error)}.")
    missing_extra = isinstance(error, ImportError) and "pip install" in str(error)
    of_ours = type(error).__module__.startswith("rnnzoo.") or (isinstance(error, ValueError) and _is_raised_here(error))
    if of_ours or isinstance(error, OSError) or missing_extra:
        return Mistake(f"Error: {_one_line(error)}")
    return None


def file_error(error: Exception) -> OSError | None:
    """What the system said of a file, of standard output, too; None if the error is another one.

    TensorFlow has a way to files of its own, and says of them "PATH; REASON".
    """
    if isinstance(error, OSError) and error.strerror:
        nameless = _STDOUT if error.strerror in _FULL else None  # all other files are named by those who write them
        filename = error.filename or nameless
        return None if filename is None else OSError(error.errno, error.strerror, filename)
    path, semicolon, reason = _first_line(error).partition("; ")
    return OSError(0, reason, path) if semicolon and _is_of_tensorflow(error) else None


def said_of_file(error: OSError) -> str:
    """The file, and what the system said of it."""
    return f"{error.filename}: {error.strerror}."


def _is_raised_here(error: Exception) -> bool:
    """Whether an error comes from a `raise` of rnnzoo's, as against a call, such as one of NumPy, that went wrong."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None or not place.tb_frame.f_globals["__name__"].startswith("rnnzoo."):
        return False
    return dis.opname[place.tb_frame.f_code.co_code[place.tb_lasti]] == "RAISE_VARARGS"


def _is_of_tensorflow(error: Exception) -> bool:
    """Whether TensorFlow was refused a file, or memory; never imports it."""
    kinds = ("PermissionDeniedError", "NotFoundError", "ResourceExhaustedError")
    return type(error).__module__.startswith("tensorflow.") and type(error).__name__ in kinds


def _first_line(error: Exception) -> str:
    """Without the names of TensorFlow's nodes and operations around it."""
    return re.sub(r"^{{.*?}} *| *\[Op:.*?\].*", "", str(getattr(error, "message", error)).split("\n")[0])


def _wrong_call(error: Any) -> Mistake:
    context = getattr(error, "ctx", None)
    hint = f" See {context.command_path} --help." if context else ""
    message = " ".join(error.format_message().split())
    read = error.__cause__
    if type(read).__module__.startswith("pydantic"):  # with which Typer reads values; it does not say what came
        message += f", but got {read.errors()[0]['input']!r}"
    return Mistake(f"Error: {message}{'' if message[-1:] in '.?' else '.'}{hint}", error.exit_code)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _close_stdout() -> None:
    # The reader went away (`rnnzoo list | head -1`), or its disk is full: what is still buffered must not fail again at
    # the exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
