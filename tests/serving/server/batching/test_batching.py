"""What waits together runs together, and nobody notices the others."""

import asyncio
import threading
import time
import weakref
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rnnzoo.serving.server.batching import batching
from rnnzoo.serving.server.batching.batch_run import Ran, Task
from rnnzoo.serving.server.batching.batching import Batcher
from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.status import Code, StatusError


class Doubling:
    """Stands in for a model: doubles numbers, refuses negative ones, waits at a gate, and writes down its runs."""

    name = "doubling"

    def __init__(self) -> None:
        self.runs: list[list[float]] = []
        self.timeouts: list[float | None] = []
        self.users = 0
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.breaks_at = 0  # the number of the run that fails as nobody meant it to

    def acquire(self) -> None:
        self.users += 1

    def release(self) -> None:
        self.users -= 1

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None) -> list[np.ndarray]:
        (x,) = feeds.values()
        self.runs.append(x.tolist())
        self.timeouts.append(timeout)
        self.entered.set()
        assert self.gate.wait(30)
        if self.breaks_at == len(self.runs):
            raise RuntimeError("once")
        if (x < 0).any():
            raise StatusError(Code.INVALID_ARGUMENT, f"negative: {x.min():g}")
        return [2 * x]


@pytest.fixture
def model() -> Iterator[Doubling]:
    model = Doubling()
    yield model
    model.gate.set()


class Asking:
    """A batcher, and its callers: the first one occupies the model, so that the others wait together."""

    def __init__(self, model: Doubling, refuse_large: bool = True, threads: int = 2, **parameters: Any) -> None:
        self.model = model
        self.threads = ThreadPoolExecutor(threads)
        self.counted: list[tuple[str, int]] = []
        self.batcher = Batcher(BatchingParameters(**parameters), self.threads, threads, refuse_large, self.told)

    def told(self, name: str, rows: int, seconds: float) -> None:
        self.counted.append((name, rows))

    def ask(
        self,
        *values: float,
        timeout: float | None = None,
        lane: str = "",
        signature: str = "double",
        lasting: bool = False,
    ) -> "asyncio.Task[Ran]":
        deadline = None if timeout is None else time.perf_counter() + timeout
        task = Task({"x": np.array(values)}, len(values), deadline)
        return asyncio.ensure_future(
            self.batcher.run(self.model, signature, ("y",), lane, task, lasting=lasting)  # type: ignore[arg-type]
        )

    async def occupied(self) -> "asyncio.Task[Ran]":
        first = self.ask(0.0)
        await asyncio.sleep(0)
        assert await asyncio.to_thread(self.model.entered.wait, 30)
        return first


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_what_waits_together_runs_together(model: Doubling) -> None:
    async def main() -> list[Ran]:
        asking = Asking(model)
        tasks = [await asking.occupied(), asking.ask(1.0, 2.0), asking.ask(3.0)]
        await asyncio.sleep(0)
        model.gate.set()
        return list(await asyncio.gather(*tasks))

    answers = run(main())

    assert [[0.0], [1.0, 2.0, 3.0]] == model.runs
    assert [[0.0], [2.0, 4.0], [6.0]] == [ran.arrays[0].tolist() for ran in answers]
    assert [1, 3, 3] == [ran.rows for ran in answers]
    assert 0 == model.users


def test_lanes_do_not_mix(model: Doubling) -> None:
    async def main() -> None:
        asking = Asking(model)
        tasks = [await asking.occupied(), asking.ask(1.0), asking.ask(2.0, lane="other")]
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(*tasks)

    run(main())

    assert [[0.0], [1.0], [2.0]] == sorted(model.runs)


def test_a_batch_holds_as_many_rows_as_allowed(model: Doubling) -> None:
    async def main() -> None:
        asking = Asking(model, max_batch_size=3)
        tasks = [await asking.occupied(), *(asking.ask(float(value), float(value)) for value in (1, 2))]
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(*tasks)

    run(main())

    assert [[0.0], [1.0, 1.0], [2.0, 2.0]] == sorted(model.runs)


def test_too_many_and_too_much(model: Doubling) -> None:
    async def main() -> list[Any]:
        asking = Asking(model, max_batch_size=2, max_enqueued_batches=1)
        with pytest.raises(StatusError, match=r"^Task size 3 is larger than maximum input batch size 2$") as caught:
            await asking.ask(1.0, 2.0, 3.0)
        assert Code.INVALID_ARGUMENT == caught.value.code
        tasks = [await asking.occupied(), asking.ask(1.0), asking.ask(2.0, 2.0)]
        await asyncio.sleep(0)
        model.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, one, two = run(main())

    assert ([0.0], [2.0]) == (first.arrays[0].tolist(), one.arrays[0].tolist())
    assert Code.UNAVAILABLE == two.code
    assert two.message.startswith("The batch scheduling queue to which this task was submitted is full; currently 1 ")


def test_full_batches_wait_in_the_queue_that_is_bounded(model: Doubling) -> None:
    async def main() -> list[Any]:
        asking = Asking(model, threads=1, max_batch_size=2, max_enqueued_batches=2)
        tasks = [await asking.occupied(), *(asking.ask(float(value)) for value in range(1, 21))]
        await asyncio.sleep(0)
        assert 4 == asking.batcher.waiting
        model.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    answers = run(main())

    assert [[0.0], [1.0, 2.0], [3.0, 4.0]] == model.runs
    assert [Code.UNAVAILABLE] * 16 == [error.code for error in answers if isinstance(error, StatusError)]
    assert answers[-1].message.endswith("currently 2 batches enqueued and max_enqueued_batches is 2")


def test_the_queue_is_bounded_however_many_lanes_share_it(model: Doubling) -> None:
    async def main() -> list[Any]:
        asking = Asking(model, threads=1, max_batch_size=2, max_enqueued_batches=2)
        tasks = [await asking.occupied(), *(asking.ask(float(value), lane=f"{value} wide") for value in range(1, 9))]
        other = asking.ask(9.0, signature="other")
        await asyncio.sleep(0)
        assert 5 == asking.batcher.waiting
        model.gate.set()
        return [*await asyncio.gather(*tasks, return_exceptions=True), await other, await asking.ask(10.0, lane="new")]

    answers = run(main())

    assert [[float(value)] for value in (0, 1, 2, 3, 4, 9, 10)] == model.runs
    assert [Code.UNAVAILABLE] * 4 == [error.code for error in answers if isinstance(error, StatusError)]


def test_full_batches_keep_every_thread_busy(model: Doubling) -> None:
    async def main() -> None:
        asking = Asking(model, threads=3, max_batch_size=2)
        tasks = [await asking.occupied(), *(asking.ask(1.0) for _ in range(4))]
        while len(model.runs) < 3:
            await asyncio.sleep(0.001)
        model.gate.set()
        await asyncio.gather(*tasks)

    run(main())

    assert [[0.0], [1.0, 1.0], [1.0, 1.0]] == model.runs


class OpenedBySeven(Doubling):
    """Whose gate a 7 opens."""

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None) -> list[np.ndarray]:
        if feeds["x"][0] == 7.0:
            self.gate.set()
        return super().run(feeds, fetches, timeout)


def test_runs_that_last_leave_a_thread_to_the_others() -> None:
    model = OpenedBySeven()

    async def main() -> list[float]:
        asking = Asking(model, threads=3)
        lasting = [asking.ask(float(number), lane=str(number), lasting=True) for number in range(3)]
        await asyncio.sleep(0)
        lasting[0].cancel()  # which ends no run
        assert 1 == asking.batcher.waiting
        return [ran.arrays[0][0] for ran in await asyncio.gather(asking.ask(7.0, lane="quick"), *lasting[1:])]

    assert [14.0, 2.0, 4.0] == run(main())
    assert [7.0] in model.runs[:3]


def test_who_has_gone_fills_no_queue(model: Doubling) -> None:
    async def main() -> Ran:
        asking = Asking(model, threads=1, max_batch_size=1, max_enqueued_batches=1)
        first, gone = await asking.occupied(), asking.ask(1.0)
        late = asking.ask(2.0, lane="other", timeout=0.01)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone, late])
        assert 0 == asking.batcher.waiting
        last = asking.ask(3.0)
        await asyncio.sleep(0)
        model.gate.set()
        await first
        return await last

    assert [6.0] == run(main()).arrays[0].tolist()


def test_the_lane_that_has_waited_longest_is_next(model: Doubling) -> None:
    async def main() -> None:
        asking = Asking(model, threads=1, max_batch_size=2)
        tasks = [await asking.occupied()]
        for value, lane in ((1.0, "b"), (2.0, "a"), (3.0, ""), (4.0, "a"), (5.0, "c")):
            tasks.append(asking.ask(value, lane=lane))
            await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(*tasks)

    run(main())

    assert [[0.0], [1.0], [2.0, 4.0], [3.0], [5.0]] == model.runs


def test_a_run_that_breaks_is_asked_again_one_by_one_and_told_once(
    model: Doubling, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> list[Any]:
        asking, answers = Asking(model), []
        for model.breaks_at in (2, 6):
            model.entered.clear()
            model.gate.clear()
            tasks = [await asking.occupied(), asking.ask(1.0), asking.ask(2.0)]
            await asyncio.sleep(0)
            model.gate.set()
            answers += await asyncio.gather(*tasks)
        return answers

    answers = run(main())

    assert [[0.0], [2.0], [4.0]] * 2 == [ran.arrays[0].tolist() for ran in answers]
    assert ["model doubling: requests run one by one, as together they fail: once"] == caplog.messages
    assert 0 == model.users


def test_whatever_breaks_a_run_all_are_told(model: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    run_together = batching.run_together

    def breaking(*arguments: Any) -> Any:
        if arguments[0].runs:
            raise RuntimeError("not even one by one")
        return run_together(*arguments)

    monkeypatch.setattr(batching, "run_together", breaking)

    async def main() -> list[Any]:
        asking = Asking(model)
        tasks = [await asking.occupied(), asking.ask(1.0), asking.ask(2.0)]
        await asyncio.sleep(0)
        model.gate.set()
        answers = list(await asyncio.gather(*tasks, return_exceptions=True))
        monkeypatch.setattr(batching, "run_together", run_together)
        return [*answers, await asking.ask(3.0)]

    first, one, two, later = run(main())

    assert [[0.0], [6.0]] == [ran.arrays[0].tolist() for ran in (first, later)]
    assert ["not even one by one"] * 2 == [str(one), str(two)]
    assert 0 == model.users


def test_a_batch_that_the_end_has_cancelled_is_told(model: Doubling) -> None:
    async def main() -> Any:
        asking = Asking(model, threads=2)
        asking.threads = ThreadPoolExecutor(1)
        asking.batcher = Batcher(BatchingParameters(), asking.threads, 2, True, asking.told)
        first, other = await asking.occupied(), asking.ask(1.0, lane="other")
        await asyncio.sleep(0)
        asking.threads.shutdown(wait=False, cancel_futures=True)
        model.gate.set()
        return list(await asyncio.gather(first, other, return_exceptions=True))

    _, dropped = run(main())

    assert Code.UNAVAILABLE == dropped.code
    assert 0 == model.users


def test_large_tasks_run_alone_where_nobody_set_a_limit(model: Doubling) -> None:
    model.gate.set()

    async def main() -> Ran:
        return await Asking(model, refuse_large=False, max_batch_size=2).ask(1.0, 2.0, 3.0)

    assert [2.0, 4.0, 6.0] == run(main()).arrays[0].tolist()


def test_who_has_gone_is_not_run(model: Doubling) -> None:
    async def main() -> list[Any]:
        asking = Asking(model)
        tasks = [await asking.occupied(), asking.ask(1.0), asking.ask(2.0, timeout=0.01), asking.ask(3.0)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait([tasks[2]])
        model.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    _, cancelled, late, last = run(main())

    assert isinstance(cancelled, asyncio.CancelledError)
    assert Code.DEADLINE_EXCEEDED == late.code
    assert [6.0] == last.arrays[0].tolist()
    assert [[0.0], [3.0]] == model.runs
    assert 0 == model.users


def test_a_batch_runs_for_as_long_as_anybody_waits(model: Doubling) -> None:
    async def main() -> None:
        asking = Asking(model)
        tasks = [await asking.occupied(), asking.ask(1.0, timeout=20), asking.ask(2.0, timeout=30)]
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(*tasks)

    run(main())

    assert model.timeouts[0] is None
    assert 20 < (model.timeouts[1] or 0) <= 30


def test_a_batch_waits_for_its_time_or_its_size(model: Doubling) -> None:
    model.gate.set()

    async def main() -> None:
        asking = Asking(model, max_batch_size=3, batch_timeout_micros=20_000_000)
        tasks = [asking.ask(1.0), asking.ask(2.0)]
        await asyncio.sleep(0.05)
        assert [] == model.runs
        await asyncio.gather(*tasks, asking.ask(3.0))

    run(main())

    assert [[1.0, 2.0, 3.0]] == model.runs


def test_idle_lanes_let_go_of_their_model() -> None:
    async def main() -> None:
        asking = Asking(Doubling())
        asking.model.gate.set()
        await asking.ask(1.0)
        assert [("doubling", 1)] == asking.counted
        model = weakref.ref(asking.model)
        del asking.model
        while model() is not None:
            await asyncio.sleep(0.05)

    run(main())
