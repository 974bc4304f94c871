"""From a question to its arrays: in a batch with others where that is safe, alone in a thread where it is not."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakKeyDictionary

import numpy as np

from rnnzoo.serving.server.batching.batch_plan import BatchPlan, batch_plan
from rnnzoo.serving.server.batching.batch_run import Ran, Task
from rnnzoo.serving.server.batching.batching import Batcher
from rnnzoo.serving.server.calls.inference import Question
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.request_bounds import check_bounds
from rnnzoo.serving.server.settings import ServerSettings
from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.server.workers import Workers

__all__ = ["Runner"]

_log = logging.getLogger(__name__)


class Runner:
    """Runs models; lives in the loop.

    Args:
        settings: what is batched, and how.
        workers: the threads for runs without company.
        told: about each run, in its thread: the model, the rows (1 where they are not known), the seconds.
    """

    def __init__(self, settings: ServerSettings, workers: Workers, told: Callable[[str, int, float], None]) -> None:
        self._workers, self._told = workers, told
        self._off, self._all = settings.batching == "off", settings.batching == "all"
        parameters = settings.batching_parameters
        threads = parameters.num_batch_threads if self._all else max(parameters.num_batch_threads, 4)
        self._max_batch_size = parameters.max_batch_size
        self._batch_threads = ThreadPoolExecutor(threads, thread_name_prefix="rnnzoo-batch")
        self.batcher = Batcher(
            parameters,
            self._batch_threads,
            threads,
            refuse_large=self._all and not parameters.enable_large_batch_splitting,
            told=told,
        )
        self._plans: WeakKeyDictionary[Servable, dict[str, BatchPlan | None]] = WeakKeyDictionary()

    async def run(self, servable: Servable, question: Question, deadline: float | None) -> Ran:
        """The outputs that the question asks for, in its order.

        Args:
            servable: the model, leased by the caller.
            question: what to run.
            deadline: by `time.perf_counter`; None for no limit.

        Raises:
            StatusError: from the bounds, the deadline or the model.
        """
        check_bounds(servable, question, self._max_batch_size)
        plan = None if self._off else self._plan(servable, question.signature_name)
        shared = None if plan is None else plan.feeds(question)
        if plan is None or shared is None:
            return await self._alone(servable, question, deadline)
        feeds, rows = shared
        fetches = question.fetches
        if plan.lengths:
            fetches = [*fetches, question.signature.outputs[plan.lengths].name]
        task = Task(feeds, rows, deadline)
        lane = plan.lane(feeds)
        ran = await self.batcher.run(
            servable, question.signature_name, tuple(fetches), lane, task, lasting=plan.lasts(lane)
        )
        if not plan.lengths:
            return ran
        return Ran(plan.cut(ran.arrays[:-1], ran.arrays[-1]), ran.rows, ran.began, ran.seconds)

    def close(self) -> None:
        """Ends the threads, each after its batch."""
        self._batch_threads.shutdown(wait=False, cancel_futures=True)

    def _plan(self, servable: Servable, name: str) -> BatchPlan | None:
        plans = self._plans.setdefault(servable, {})
        if name not in plans:
            plans[name] = batch_plan(servable, name, self._all)
            if plans[name] is None and self._all:
                _log.warning(
                    "model %s: requests to the signature %s run one by one: for batches, all inputs and outputs must "
                    "have an open first axis, and no output a width that only text decides",
                    servable.name,
                    name,
                )
        return plans[name]

    async def _alone(self, servable: Servable, question: Question, deadline: float | None) -> Ran:
        def run() -> Ran:
            began = time.perf_counter()
            if deadline is not None and began >= deadline:
                raise StatusError(Code.DEADLINE_EXCEEDED, "the deadline passed before the request could run.")
            left = None if deadline is None else deadline - began
            arrays: list[np.ndarray] = servable.run(question.feeds, question.fetches, left)
            seconds = time.perf_counter() - began
            self._told(servable.name, 1, seconds)
            return Ran(arrays, 0, began, seconds)

        servable.acquire()  # the caller may be cancelled, and let go of the model, while it runs
        return await self._workers.run(run, after=servable.release)
