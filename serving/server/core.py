"""The middle of the server: requests of every protocol come in here, in one asyncio loop, and run in its threads."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.batching.running import Runner
from rnnzoo.serving.server.calls.extending import Extender, can_extend
from rnnzoo.serving.server.calls.inference import lease, prepare, reply
from rnnzoo.serving.server.observation.metrics import ServerMetrics
from rnnzoo.serving.server.observation.observing import make_observer
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.prefix_cache import PrefixCache
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings
from rnnzoo.serving.server.status import invalid
from rnnzoo.serving.server.workers import Workers

__all__ = ["Core"]

_Request = TypeVar("_Request")
_Result = TypeVar("_Result")
_MOST_VALUES_IN_LOOP = 2**17  # more take tens of milliseconds, in which nobody else is answered


class Core:
    """Answers predictions, and runs whatever else blocks, for the services of gRPC and HTTP alike.

    Args:
        repository: the loaded models.
        settings: the server's.

    Attributes:
        metrics: told about each run.
        observer: told about each request.
        runner: runs questions, in batches where it can.
        prefix_cache: the contexts behind recent texts.
        extender: answers with that cache in hand.
        draining: whether the server is about to end: ready no more, only answering what it has taken.
        refused: when a new request last came while draining, by `time.monotonic`.

    Raises:
        OSError: if the folder of the request log cannot be made.
    """

    def __init__(self, repository: Repository, settings: ServerSettings) -> None:
        self.repository = repository
        self.settings = settings
        self.metrics = ServerMetrics()
        self.observer = make_observer(settings, self.metrics)
        self.draining = False
        self.refused = 0.0
        self._workers = Workers(settings.worker_threads, settings.max_waiting)
        self._changes = Workers(1, settings.max_waiting)
        self.runner = Runner(settings, self._workers, self._count_run)
        self.prefix_cache = PrefixCache(settings.prefix_cache_bytes)
        self.extender = Extender(self.runner, self.prefix_cache)
        self.metrics.queue_length(lambda: self.runner.batcher.waiting)
        self.metrics.prefix_cache_bytes(lambda: self.prefix_cache.bytes)

    async def predict(
        self, request: predict_pb2.PredictRequest, timeout: float | None, record: RequestRecord
    ) -> predict_pb2.PredictResponse:
        """Answers a PredictRequest.

        Args:
            request: model, signature (`serving_default` if it names none), inputs, and which outputs to answer (all if
                it filters none).
            timeout: seconds until nobody waits for the answer any more; no limit if None.
            record: where the times and what was resolved are written.

        Returns:
            The outputs in their typed lists, and the model, version and signature that answered.

        Raises:
            StatusError: as TensorFlow Serving would refuse the request.
        """
        began = time.perf_counter()
        deadline = None if timeout is None else began + timeout
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        with lease(self.repository, request.model_spec, record) as servable:
            question = await self.in_thread_if(
                _values_of(request) > _MOST_VALUES_IN_LOOP,
                lambda: prepare(servable, request, self.repository.check_method_names),
            )
            parsed = time.perf_counter()
            record.signature_name = question.signature_name
            record.parse += parsed - began
            if self.settings.prefix_cache_bytes and can_extend(servable, question):
                ran = await self.extender.run(servable, question, deadline, record, self.metrics)
            else:
                ran = await self.runner.run(servable, question, deadline)
            answered = time.perf_counter()
            response = await self.in_thread_if(
                sum(map(np.size, ran.arrays)) > _MOST_VALUES_IN_LOOP, lambda: reply(servable, question, ran.arrays)
            )
            record.rows, record.batch_rows = question.rows, ran.rows
            record.queue += ran.began - parsed
            record.compute += ran.seconds
            record.reply += time.perf_counter() - answered
        return response

    async def infer(
        self,
        compute: Callable[[Repository, _Request, float | None, RequestRecord], _Result],
        request: _Request,
        timeout: float | None,
        record: RequestRecord,
    ) -> _Result:
        """Answers Classify, Regress or MultiInference, each request alone in a thread.

        Args:
            compute: `classify`, `regress` or `multi_infer`.
            request: its message.
            timeout: seconds until nobody waits for the answer any more; no limit if None.
            record: where the times and what was resolved are written.

        Raises:
            StatusError: as TensorFlow Serving would refuse the request.
        """
        asked = time.perf_counter()

        def run() -> _Result:
            began = time.perf_counter()
            left = None if timeout is None else timeout - (began - asked)
            record.queue += began - asked
            parsed = record.parse  # a body of JSON
            result = compute(self.repository, request, left, record)
            record.reply += time.perf_counter() - began - (record.parse - parsed) - record.compute
            self._count_run(record.model_name, record.rows, record.compute)
            return result

        return await self.in_thread(run)

    async def in_thread(self, work: Callable[[], _Result]) -> _Result:
        """What blocking work returns; it runs in one of `settings.workers` threads.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if `settings.max_waiting` requests wait or run already.
        """
        return await self._workers.run(work)

    async def in_thread_if(self, large: bool, work: Callable[[], _Result]) -> _Result:
        """What the work returns: at once, or from a thread if it is large.

        Raises:
            StatusError: as `in_thread`.
        """
        return await self.in_thread(work) if large else work()

    async def in_turn(self, change: Callable[[], _Result]) -> _Result:
        """What a change of the models returns; one after the other, in a thread that no request waits for.

        Raises:
            StatusError: RESOURCE_EXHAUSTED if `settings.max_waiting` changes wait already.
        """
        return await self._changes.run(change)

    def close(self) -> None:
        """Ends the threads once their runs are over; called when no request is left."""
        self._workers.close()
        self._changes.close()
        self.runner.close()
        self.observer.close()

    def _count_run(self, model_name: str, rows: int, seconds: float) -> None:
        self.metrics.batch(model_name, rows, seconds)


def _values_of(request: predict_pb2.PredictRequest) -> int:
    """How many values a request says that it holds: `ByteSize` would write it all to see how long it is."""
    return sum(math.prod([axis.size for axis in tensor.tensor_shape.dim]) for tensor in request.inputs.values())
