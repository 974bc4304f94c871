"""Waiting in tests: for as long as it takes, and not for ever."""

import time
from collections.abc import Callable

__all__ = ["wait_for"]


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Look again and again whether something has come true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
