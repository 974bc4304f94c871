"""Requests that wait at the same time run as one: who waits with whom, for how long, and who runs next."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from rnnzoo.serving.server.batching.batch_run import Ran, Task, Told, run_together
from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["Batcher"]

# A share of the last run's time that a batch may wait for the callers whom that run has just answered.
_LINGER = 0.1
_SWEEP_SECONDS = 1.0
_log = logging.getLogger(__name__)


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Queue:
    """What waits for one signature of one model, in all of its lanes."""

    rows: int = 0
    apart: bool = False  # whether its tasks had to run one by one, which is told once


@dataclass(slots=True, eq=False)
class _Lane:
    """The tasks that can run together: one model, one signature, one set of outputs, one shape of row."""

    servable: Servable
    fetches: tuple[str, ...]
    queue: _Queue
    lasting: bool
    waiting: OrderedDict[Task, None] = field(default_factory=OrderedDict)  # oldest first; whoever gives up leaves it
    rows: int = 0  # of those that wait
    running: int = 0  # batches
    expected: int = 1  # tasks of the last batch
    patience: float = 0.0  # seconds
    used: bool = True  # since the last sweep
    timer: asyncio.TimerHandle | None = None

    @property
    def since(self) -> float:
        """When its oldest task came."""
        return next(iter(self.waiting)).since

    def put(self, task: Task) -> None:
        """Its task waits from now on."""
        self.waiting[task] = None
        self.rows += task.rows
        self.queue.rows += task.rows

    def remove(self, task: Task) -> None:
        """Its task waits no more."""
        del self.waiting[task]
        self.rows -= task.rows
        self.queue.rows -= task.rows

    def ran_apart(self, error: Exception) -> None:
        """Its tasks ran one by one because of an error that none of them meets alone."""
        if not self.queue.apart:
            self.queue.apart = True
            _log.warning("model %s: requests run one by one, as together they fail: %s", self.servable.name, error)


class Batcher:
    """Collects tasks by lane; lives in the loop, except for the runs themselves.

    A lane runs one batch at a time, and a further one only when it is full: what arrives meanwhile is the next batch.
    While all threads are busy none begins, so that what waits is counted here, and bounded for each signature, however
    many lanes its requests are in; the lane whose task has waited longest is next. Of several threads, one is left to
    the lanes whose runs are short.

    Args:
        parameters: how large, how long, how many.
        threads: where the runs take place.
        most_running: how many those threads are.
        refuse_large: whether a task above `max_batch_size` is an error, as in TensorFlow Serving, or a batch of its
            own.
        told: about each run, in its thread: the model, the rows, the seconds.
    """

    def __init__(
        self, parameters: BatchingParameters, threads: Executor, most_running: int, refuse_large: bool, told: Told
    ) -> None:
        self._parameters = parameters
        self._threads = threads
        self._most_running = most_running
        self._running = 0  # batches, of all lanes
        self._lasting = 0  # of them, those that may take seconds
        self._refuse_large = refuse_large
        self._told = told
        self._lanes: dict[Hashable, _Lane] = {}
        self._queues: WeakValueDictionary[Hashable, _Queue] = WeakValueDictionary()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many tasks wait, in all lanes."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    async def run(
        self,
        servable: Servable,
        signature_name: str,
        fetches: tuple[str, ...],
        lane_key: Hashable,
        task: Task,
        *,
        lasting: bool = False,
    ) -> Ran:
        """The task's outputs, after a run with whatever waits in the same lane.

        Args:
            servable: the model; it is kept loaded until the run is over.
            signature_name: whose queue it waits in.
            fetches: tensor names; each must have the batch's rows as its first axis.
            lane_key: tasks with equal keys fit together.
            task: what to run.
            lasting: whether a run of this lane may take seconds.

        Raises:
            StatusError: UNAVAILABLE if the queue is full, INVALID_ARGUMENT if the task is too large,
                DEADLINE_EXCEEDED, or what the run of this very task comes to.
        """
        most = self._parameters.max_batch_size
        if self._refuse_large and task.rows > most:
            raise invalid(f"Task size {task.rows} is larger than maximum input batch size {most}")
        lane = self._lane(servable, signature_name, fetches, lane_key, lasting)
        rows = lane.queue.rows
        batches = -(-rows // most)
        if (batches >= self._parameters.max_enqueued_batches and rows % most + task.rows > most) or (
            rows >= most * self._parameters.max_enqueued_batches
        ):
            raise StatusError(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; currently "
                f"{batches} batches enqueued and max_enqueued_batches is {self._parameters.max_enqueued_batches}",
            )
        loop = asyncio.get_running_loop()
        task.future, task.since = loop.create_future(), time.perf_counter()
        lane.put(task)
        self._consider(lane)
        try:
            if task.deadline is None:
                return await task.future
            async with asyncio.timeout(task.deadline - task.since):
                return await task.future
        except TimeoutError:
            raise StatusError(Code.DEADLINE_EXCEEDED, "Timed out waiting for notification") from None
        finally:
            if task in lane.waiting:  # its caller has gone, and must not fill the queue for others
                lane.remove(task)

    def _lane(
        self, servable: Servable, signature_name: str, fetches: tuple[str, ...], lane_key: Hashable, lasting: bool
    ) -> _Lane:
        key = (servable, signature_name, fetches, lane_key)
        lane = self._lanes.get(key)
        if lane is None:
            queue = self._queues.setdefault((servable, signature_name), _Queue())
            lane = self._lanes[key] = _Lane(servable, fetches, queue, lasting)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)
        lane.used = True
        return lane

    def _sweep(self) -> None:
        """Forgets the lanes that nobody uses, and with them models that are served no more."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane.used or lane.running or lane.waiting}
        for lane in self._lanes.values():
            lane.used = False
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep) if self._lanes else None

    def _consider(self, lane: _Lane) -> bool:
        """Whether it was time for a batch, which has begun; if it will be, that time is set."""
        full = lane.rows >= self._parameters.max_batch_size
        if not lane.waiting or (lane.running and not full) or self._running >= self._most_running:
            return False
        if lane.lasting and self._lasting >= max(1, self._most_running - 1):
            return False
        timeout = self._parameters.batch_timeout_micros * 1e-6
        wait = max(timeout, lane.patience) if len(lane.waiting) < lane.expected else timeout
        left = lane.since + wait - time.perf_counter()
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None
        if full or left <= 0:
            return self._start(lane)
        lane.timer = asyncio.get_running_loop().call_later(left, self._consider, lane)
        return False

    def _start(self, lane: _Lane) -> bool:
        tasks = self._take(lane)
        if not tasks:
            return False
        run = asyncio.get_running_loop().run_in_executor(
            self._threads,
            run_together,
            *(lane.servable, lane.fetches, tasks, self._parameters, self._told, lane.ran_apart),
        )
        lane.running += 1
        self._running += 1
        self._lasting += lane.lasting
        lane.servable.acquire()  # the requests may be given up, and let go of the model, while it runs
        run.add_done_callback(lambda done: self._ran(lane, tasks, done))
        return True

    def _take(self, lane: _Lane) -> list[Task]:
        tasks: list[Task] = []
        rows, now = 0, time.perf_counter()
        while lane.waiting:
            task = next(iter(lane.waiting))
            if tasks and rows + task.rows > self._parameters.max_batch_size:
                break
            lane.remove(task)
            if task.future.done():  # its caller has gone
                continue
            if task.deadline is not None and now >= task.deadline:
                message = "Run() timeout exceeded while waiting in batching queue"
                task.future.set_exception(StatusError(Code.DEADLINE_EXCEEDED, message))
                continue
            tasks.append(task)
            rows += task.rows
        return tasks

    def _ran(self, lane: _Lane, tasks: list[Task], run: "asyncio.Future[list[Ran | Exception]]") -> None:
        lane.servable.release()
        lane.running -= 1
        self._running -= 1
        self._lasting -= lane.lasting
        lane.expected = len(tasks)
        for task, result in zip(tasks, _results(run, len(tasks)), strict=True):
            if task.future.done():
                continue
            if isinstance(result, Ran):
                task.future.set_result(result)
                lane.patience = _LINGER * result.seconds
            else:
                task.future.set_exception(result)
        for waiting in sorted((lane for lane in self._lanes.values() if lane.waiting), key=lambda lane: lane.since):
            while self._consider(waiting):
                pass


def _results(run: "asyncio.Future[list[Ran | Exception]]", count: int) -> Sequence[Ran | BaseException]:
    """What came of each task, whatever came of the run."""
    if run.cancelled():
        return [StatusError(Code.UNAVAILABLE, "the server ended before the batch began.")] * count
    error = run.exception()
    return run.result() if error is None else [error] * count
