"""Threads for what blocks, and a bound on how much may wait for them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["Workers"]

_Result = TypeVar("_Result")


class Workers:
    """A thread pool that refuses work instead of letting it pile up.

    Args:
        threads: how much runs at once.
        most_waiting: how much may wait beside that.
    """

    def __init__(self, threads: int, most_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rnnzoo-serving")
        self._most = threads + most_waiting
        self._count = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], _Result], after: Callable[[], None] = lambda: None) -> _Result:
        """What the work returns.

        Args:
            work: runs in a thread. If the caller is cancelled, it runs on, or is never begun.
            after: called when it is over, or never will be, whether or not anybody still waits.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if too much waits already, UNAVAILABLE if no thread is left to take it.
        """
        with self._lock:
            full = self._count >= self._most
            self._count += not full
        if full:
            after()
            raise StatusError(
                Code.RESOURCE_EXHAUSTED, f"the server is busy: {self._most} requests wait or run; try again later."
            )

        def over(_: Future[Any] | None = None) -> None:
            with self._lock:
                self._count -= 1
            after()

        try:
            future = self._pool.submit(work)
        except RuntimeError as error:  # the pool has been closed
            over()
            raise StatusError(Code.UNAVAILABLE, f"the server ends: {error}.") from error
        future.add_done_callback(over)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads, each after its work; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
