"""Tasks run together, and each alone where that fails."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnzoo.serving.server.batching.batch_run import Ran, Task, run_together
from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.status import Code, StatusError


class Doubling:
    """Stands in for a model: doubles numbers, refuses negative ones, and writes down its runs.

    Args:
        most: how many rows it takes at once.
        answered: how many rows of a batch it answers.
    """

    name = "doubling"

    def __init__(self, most: int = 100, answered: int = 100) -> None:
        self.runs: list[list[float]] = []
        self._most, self._answered = most, answered

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None) -> list[np.ndarray]:
        (x,) = feeds.values()
        self.runs.append(x.tolist())
        if len(x) > self._most:
            raise ValueError(f"{len(x)} rows")
        if (x < 0).any():
            raise StatusError(Code.INVALID_ARGUMENT, f"negative: {x.min():g}")
        return [2 * x[: self._answered]]


def run(model: Any, *rows: list[float], **parameters: Any) -> tuple[list[Any], list[str]]:
    """What each task comes to, the first output of its own where it ran, and why they did not run together."""
    told: list[str] = []
    results = run_together(
        model,
        ("y",),
        [Task({"x": np.array(row)}, len(row), None) for row in rows],
        BatchingParameters(**parameters),
        told=lambda *_: None,
        apart=lambda error: told.append(str(error)),
    )
    return [result.arrays[0].tolist() if isinstance(result, Ran) else result for result in results], told


def test_each_task_has_its_own_rows() -> None:
    model = Doubling()

    assert ([[2.0], [4.0, 6.0]], []) == run(model, [1.0], [2.0, 3.0])
    assert [[1.0, 2.0, 3.0]] == model.runs


def test_a_bad_row_fails_alone_and_nothing_is_told() -> None:
    model = Doubling()
    (one, bad, two), told = run(model, [1.0], [-5.0], [2.0])

    assert ([2.0], [4.0]) == (one, two)
    assert "negative: -5" == bad.message
    assert [[1.0, -5.0, 2.0], [1.0], [-5.0], [2.0]] == model.runs
    assert [] == told


def test_tasks_that_fail_only_together_run_one_by_one_and_it_is_told() -> None:
    assert ([[2.0], [4.0]], ["2 rows"]) == run(Doubling(most=1), [1.0], [2.0])


def test_outputs_that_lose_rows_are_not_handed_out() -> None:
    (one, two), told = run(Doubling(answered=1), [1.0], [2.0])

    assert ([2.0], [4.0]) == (one, two)
    assert 1 == len(told)
    assert told[0].startswith("Batched output tensor's 0th dimension does not equal")


def test_batches_are_filled_up_with_their_first_row() -> None:
    model = Doubling()

    assert ([[10.0], [12.0, 14.0]], []) == run(
        model, [5.0], [6.0, 7.0], max_batch_size=8, allowed_batch_sizes=(2, 4, 8)
    )
    assert [[5.0, 6.0, 7.0, 5.0]] == model.runs
