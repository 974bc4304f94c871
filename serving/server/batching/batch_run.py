"""One run of a model for several requests, in a thread: rows put together, one run, rows taken apart."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["Ran", "Task", "Told", "run_together"]

Told = Callable[[str, int, float], None]
"""Hears of each run: the model, the rows, the seconds."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a task's run gave.

    Attributes:
        arrays: the fetched outputs, the task's own rows only.
        rows: those of the whole batch.
        began: when the run began, by `time.perf_counter`.
        seconds: how long it took.
    """

    arrays: list[np.ndarray]
    rows: int
    began: float
    seconds: float


@dataclass(slots=True, eq=False)
class Task:
    """One request's share of a batch.

    Attributes:
        feeds: arrays by tensor name, each with `rows` rows.
        rows: at least 1.
        deadline: by `time.perf_counter`; None waits for ever.
    """

    feeds: Mapping[str, np.ndarray]
    rows: int
    deadline: float | None
    future: "asyncio.Future[Ran]" = field(init=False)
    since: float = field(init=False)


def run_together(
    servable: Servable,
    fetches: tuple[str, ...],
    tasks: Sequence[Task],
    parameters: BatchingParameters,
    told: Told,
    apart: Callable[[Exception], None],
) -> list[Ran | Exception]:
    """The result of each task; in a thread. `apart` hears why tasks of which each runs alone did not run together."""
    rows = sum(task.rows for task in tasks)
    together = None
    if len(tasks) > 1:
        try:
            return list(_run(servable, fetches, tasks, rows, parameters.padded(rows), told))
        except Exception as error:  # a bad row must not fail its neighbours: each alone
            together = error.with_traceback(None)  # which holds on to the batch
    results: list[Ran | Exception] = []
    for task in tasks:
        try:
            results += _run(servable, fetches, [task], task.rows, parameters.padded(task.rows), told)
        except _RowsChangedError as error:
            results.append(StatusError(Code.FAILED_PRECONDITION, str(error)))
        except Exception as error:
            results.append(error)
    if together is not None and all(isinstance(result, Ran) for result in results):
        apart(together)
    return results


class _RowsChangedError(Exception):
    """The outputs do not have a row for each row of the inputs."""


def _run(
    servable: Servable, fetches: tuple[str, ...], tasks: Sequence[Task], rows: int, padded: int, told: Told
) -> Sequence[Ran]:
    began = time.perf_counter()
    deadlines = [task.deadline for task in tasks if task.deadline is not None]
    # The batch goes on for as long as anybody waits for it.
    timeout = max(deadlines) - began if len(deadlines) == len(tasks) else None
    if timeout is not None and timeout <= 0:
        raise StatusError(Code.DEADLINE_EXCEEDED, "Run() timeout exceeded while waiting in batching queue")
    arrays = servable.run({name: _joined(name, tasks, padded - rows) for name in tasks[0].feeds}, fetches, timeout)
    seconds = time.perf_counter() - began
    told(servable.name, rows, seconds)
    if len(tasks) == 1 and padded == rows:
        return [Ran(arrays, rows, began, seconds)]
    if any(array.ndim == 0 or len(array) != padded for array in arrays):
        raise _RowsChangedError(
            "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input "
            "tensors"
        )
    results, first = [], 0
    for task in tasks:
        results.append(Ran([array[first : first + task.rows] for array in arrays], rows, began, seconds))
        first += task.rows
    return results


def _joined(name: str, tasks: Sequence[Task], padding: int) -> np.ndarray:
    arrays = [task.feeds[name] for task in tasks]
    if padding:
        arrays.append(np.repeat(arrays[0][:1], padding, axis=0))
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
