"""The middle of the server: requests of every protocol come in here, in one asyncio loop, and run in its threads."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.inference import Question, lease, prepare, reply
from rnnzoo.serving.server.observation import Observer, Record
from rnnzoo.serving.server.repository import Repository
from rnnzoo.serving.server.servable import Servable
from rnnzoo.serving.server.settings import ServerSettings
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["Core"]

_Result = TypeVar("_Result")


class Core:
    """Answers predictions, and runs whatever else blocks, for the services of gRPC and HTTP alike.

    Args:
        repository: the loaded models.
        settings: the server's.

    Attributes:
        observer: told about each request; None if nobody observes.
        draining: whether the server is about to end: ready no more, but still answering.
    """

    def __init__(self, repository: Repository, settings: ServerSettings) -> None:
        self.repository = repository
        self.settings = settings
        self.observer: Observer | None = None
        self.draining = False
        self._waiting = 0
        self._threads = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="rnnzoo-serving")

    async def predict(
        self, request: predict_pb2.PredictRequest, timeout: float | None = None, record: Record | None = None
    ) -> predict_pb2.PredictResponse:
        """Answers a PredictRequest.

        Args:
            request: as `rnnzoo.serving.server.inference.predict` takes it.
            timeout: seconds until nobody waits for the answer any more; no limit if None.
            record: where the times and what was resolved are written, if given.

        Raises:
            StatusError: as TensorFlow Serving would refuse the request.
        """
        began = time.perf_counter()
        deadline = None if timeout is None else began + timeout
        if not request.HasField("model_spec"):
            raise StatusError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        with lease(self.repository, request.model_spec) as servable:
            question = prepare(servable, request)
            if record is not None:
                record.model_name, record.model_version = servable.name, servable.version
                record.signature_name = question.signature_name
                record.parse += time.perf_counter() - began
            arrays = await self._run(servable, question, deadline, record)
            answered = time.perf_counter()
            response = reply(servable, question, arrays)
            if record is not None:
                record.reply += time.perf_counter() - answered
        return response

    async def in_thread(self, work: Callable[[], _Result]) -> _Result:
        """What blocking work returns; it runs in one of `settings.workers` threads.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if `settings.max_waiting` requests wait or run already.
        """
        if self._waiting >= self.settings.max_waiting + self.settings.worker_threads:
            raise StatusError(
                Code.RESOURCE_EXHAUSTED, f"the server is busy: {self._waiting} requests wait for it; try again later."
            )
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._one_less_waits)
        return await future

    def close(self) -> None:
        """Ends the threads once their runs are over; called when no request is left."""
        self._threads.shutdown(wait=False)

    async def _run(
        self, servable: Servable, question: Question, deadline: float | None, record: Record | None
    ) -> list[np.ndarray]:
        asked = time.perf_counter()

        def run() -> list[np.ndarray]:
            began = time.perf_counter()
            if deadline is not None and began >= deadline:
                raise StatusError(Code.DEADLINE_EXCEEDED, "the deadline passed before the request could run.")
            try:
                return servable.run(question.feeds, question.fetches, None if deadline is None else deadline - began)
            finally:
                if record is not None:
                    record.queue += began - asked
                    record.compute += time.perf_counter() - began

        return await self.in_thread(run)

    def _one_less_waits(self, future: "asyncio.Future[_Result]") -> None:
        self._waiting -= 1
