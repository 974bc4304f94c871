"""Standard streams that can be written to, whatever the shell and the locale say."""

import io
import os
import sys

__all__ = ["open_streams"]


def open_streams() -> None:
    """Put the null device where a stream was closed, as by `2>&-`, and `?` for what the locale has no bytes for."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in this order each gets its own number
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - it is open as long as the process is
            os.set_inheritable(stream.fileno(), True)  # by worker processes
            setattr(sys, name, stream)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
