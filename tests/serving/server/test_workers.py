"""Work that no thread takes is refused, and let go of."""

import asyncio
import threading

import pytest

from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.server.workers import Workers


def test_what_is_too_much_is_refused() -> None:
    async def main() -> int:
        workers, gate, over = Workers(1, 0), threading.Event(), list[str]()
        running = asyncio.create_task(workers.run(gate.wait))
        await asyncio.sleep(0)
        with pytest.raises(StatusError, match=r"^the server is busy: 1 requests wait or run") as caught:
            await workers.run(list, after=lambda: over.append("let go"))
        gate.set()
        assert await running
        assert ["let go"] == over
        return caught.value.code

    assert Code.RESOURCE_EXHAUSTED == asyncio.run(main())


def test_what_comes_after_the_end_is_let_go_of() -> None:
    over: list[str] = []
    workers = Workers(1, 0)
    workers.close()
    for _ in range(2):
        with pytest.raises(StatusError, match=r"^the server ends: ") as caught:
            asyncio.run(workers.run(list, after=lambda: over.append("let go")))
        assert Code.UNAVAILABLE == caught.value.code

    assert ["let go", "let go"] == over
