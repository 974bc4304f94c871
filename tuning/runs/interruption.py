"""Ctrl-C waits until the state can be saved."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

__all__ = ["Interruption", "deferred_interruption"]


class Interruption:
    """Whether somebody asked the process to end, and how.

    Attributes:
        signal: the number of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._usual_handlers: dict[int, Any] = {}

    def defer(self) -> None:
        """From now on, the first SIGINT or SIGTERM is only noted; one that the shell had ignored stays ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._usual_handlers[number] = signal.signal(number, self._note)

    def restore(self) -> None:
        """From now on, signals do what they did."""
        while self._usual_handlers:
            signal.signal(*self._usual_handlers.popitem())

    def act(self) -> None:
        """Do, once, what the signal that came would have done at once; SIGINT raises a KeyboardInterrupt."""
        self.restore()
        number, self.signal = self.signal, None
        if number is not None:
            signal.raise_signal(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self.restore()
        with suppress(RuntimeError):  # a signal may come within a print, which no other print may enter
            print("Stopping after this step, with a checkpoint. Press Ctrl-C again to stop at once.", file=sys.stderr)


@contextmanager
def deferred_interruption() -> Iterator[Interruption]:
    """Notes the first SIGINT or SIGTERM of the block instead of obeying; a second one is obeyed at once.

    One that nobody has acted on when the block ends is obeyed then, unless an error ends it.

    Python delivers signals to the main thread only: elsewhere nothing is deferred.
    """
    interruption = Interruption()
    if threading.current_thread() is threading.main_thread():
        interruption.defer()
    try:
        yield interruption
    except BaseException:
        interruption.restore()
        raise
    interruption.act()
