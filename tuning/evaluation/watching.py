"""How far a long reading is, told to whoever wants to know. Needs no TensorFlow."""

from collections.abc import Callable, Iterator

__all__ = ["Watch", "watched_steps"]

Watch = Callable[[int, int], None]
"""Called after each step with the number of steps done and of all steps."""


def watched_steps(count: int, watch: Watch | None) -> Iterator[int]:
    """The numbers of the steps, each told once it is over.

    >>> list(watched_steps(2, print))
    1 2
    2 2
    [0, 1]
    """
    for step in range(count):
        yield step
        if watch is not None:
            watch(step + 1, count)
