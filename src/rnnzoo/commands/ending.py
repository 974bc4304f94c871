"""SIGTERM before there is anything to answer: the process ends by itself, and what it began is cleared away."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["TERMINATED", "ended_by_sigterm"]

TERMINATED = 143  # 128 + SIGTERM, as shells have it


@contextmanager
def ended_by_sigterm(exit_code: int) -> Iterator[None]:
    """Meanwhile SIGTERM raises SystemExit: on its own it would skip every `finally`, or, in a container, do nothing.

    The first process of a container gets only the signals that it has a handler for.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(exit_code))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
