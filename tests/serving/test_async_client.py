"""The client for asyncio asks what the blocking one asks, many at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import pytest

from rnnzoo.serving import AsyncClient, Client
from rnnzoo.serving.errors import DeadlineError, ServerUnavailableError
from rnnzoo.serving.server.process import Server
from rnnzoo.serving.speaking_protocol import speaking_messages

TEXTS = ["the game", "", "don't stop", "naïve 漢字"]


def run(ask: Callable[[AsyncClient], Coroutine[Any, Any, Any]], address: str, **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncClient(address, **options) as client:
            return await ask(client)

    return asyncio.run(main())


def test_every_question(language_model_server: Server) -> None:
    async def ask(client: AsyncClient) -> list[Any]:
        pieces = [piece async for piece in client.stream("the game", 8, seed=3)]
        return [
            [[(one.word, one.probability) for one in row] for row in await client.predict_next(TEXTS, 3)],
            await client.score(TEXTS),
            await client.generate(TEXTS, 8, seed=3),
            "".join(pieces),
            await client.metadata(),
            (await client.predict("score", {"text": TEXTS}, ["total"]))["total"].tolist(),
            (await client.step([1]))[0].shape,
        ]

    with Client(language_model_server.address) as client:
        suggestions = client.predict_next(TEXTS, 3)  # whoever asks again is answered from the cache, to the last digits
        expected = [
            [[(one.word, pytest.approx(one.probability, rel=1e-4)) for one in row] for row in suggestions],
            client.score(TEXTS),
            client.generate(TEXTS, 8, seed=3),
            client.generate(TEXTS, 8, seed=3)[0],
            client.metadata(),
            client.predict("score", {"text": TEXTS}, ["total"])["total"].tolist(),
            client.step([1])[0].shape,
        ]
    assert expected == run(ask, language_model_server.address)


def test_many_at_once(language_model_server: Server) -> None:
    async def ask(client: AsyncClient) -> list[Any]:
        return await asyncio.gather(*(client.predict_next(text) for text in TEXTS * 25))

    answers = run(ask, language_model_server.address, timeout=60)

    for number, answer in enumerate(answers):
        assert [s.word for s in answers[number % 4][0]] == [s.word for s in answer[0]]


def test_a_stream_that_is_closed_ends_its_call_at_once() -> None:
    ended: list[bool] = []

    class Endless:
        async def stream(self, request: bytes, timeout: float) -> AsyncGenerator[bytes, None]:
            try:
                while True:
                    yield speaking_messages["GeneratedWord"](text=" game").SerializeToString()
            finally:
                ended.append(True)

        async def close(self) -> None: ...

    async def ask(client: AsyncClient) -> None:
        stream = client.stream("the")
        assert " game" == await anext(stream)
        await stream.aclose()
        assert [True] == ended

    run(ask, "", transport=Endless())


def test_errors_are_those_of_the_blocking_client(arithmetic_server: Server) -> None:
    async def count(client: AsyncClient) -> None:
        import numpy as np

        await client.predict("count", {"n": np.int32(10**9)})

    with pytest.raises(DeadlineError, match=r"did not answer within 0.2 seconds"):
        run(count, arithmetic_server.address, timeout=0.2)
    with pytest.raises(ServerUnavailableError, match="no server answers at localhost:1"):
        run(count, "localhost:1")
    with pytest.raises(ValueError, match=r"timeout must be a positive number"):
        run(count, "localhost:1", timeout=0)
