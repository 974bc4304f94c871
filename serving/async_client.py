"""The client for asyncio: what `Client` asks, without a thread that waits. Needs no TensorFlow."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import numpy as np

from rnnzoo.models.answers import Suggestion, TextScore
from rnnzoo.serving.async_transport import AsyncGrpcTransport, AsyncTransport
from rnnzoo.serving.calls import Call, Calls, Signatures
from rnnzoo.serving.speaking_protocol import speaking_messages
from rnnzoo.serving.transport import checked_timeout
from rnnzoo.serving.typing_session import AsyncTyping

__all__ = ["AsyncClient"]

_Answer = TypeVar("_Answer")


class AsyncClient:
    """Asks a server for next words, scores and continuations, always in the loop that it is first asked in.

    Args:
        address: `host:port` of the gRPC port.
        model_name: the model's name there.
        version: a version's number; the newest if None.
        timeout: the seconds that each call may take.
        credentials: for TLS, from `grpc.ssl_channel_credentials`.
        transport: stands in for gRPC; `address` and `credentials` are not used then.

    Every method raises a `ServingError` (see `rnnzoo.serving.errors`) if the server is not there, is too slow, or
    refuses, or if the client is closed. Cancelling a call, or closing a stream with `aclose`, tells the server.

    Example:
        >>> import asyncio
        >>> async def ask():
        ...     async with AsyncClient("localhost:1") as client:  # where nobody listens
        ...         await client.predict_next("once upon a")
        >>> asyncio.run(ask())
        Traceback (most recent call last):
            ...
        rnnzoo.serving.errors.ServerUnavailableError: no server answers at localhost:1 (...): start one with ...
    """

    def __init__(
        self,
        address: str = "localhost:8500",
        model_name: str = "default",
        *,
        version: int | None = None,
        timeout: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        self._calls = Calls(model_name, version)
        self.timeout = checked_timeout(timeout)
        self._transport = AsyncGrpcTransport(address, credentials) if transport is None else transport

    async def predict_next(self, texts: str | Sequence[str], top_k: int = 5) -> list[list[Suggestion]]:
        """As `Client.predict_next`."""
        return await self._ask(self._calls.predict_next(texts, top_k))

    async def score(self, texts: str | Sequence[str]) -> list[TextScore]:
        """As `Client.score`."""
        return await self._ask(self._calls.score(texts))

    async def generate(
        self,
        texts: str | Sequence[str],
        max_words: int = 20,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> list[str]:
        """As `Client.generate`."""
        return await self._ask(self._calls.generate(texts, max_words, temperature, top_k, top_p, seed))

    def stream(
        self,
        text: str,
        max_words: int = 20,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> AsyncGenerator[str, None]:
        """Continues a text, piece by piece, as `Client.stream`.

        A loop that may be left early is put under `contextlib.aclosing`, so that the server hears of it at once.

        Args:
            text: one text.
            max_words: as for `Client.generate`; so are the others.

        Raises:
            ValueError: if one of them is out of range; at once, before the first piece is asked for.

        Example (with a server):

            async with aclosing(client.stream("once upon a", 100)) as pieces:
                async for piece in pieces:
                    print(piece, end="")
                    if "." in piece:
                        break
        """
        request = self._calls.stream(text, max_words, temperature, top_k, top_p, seed)
        return self._pieces(request)

    def typing(self, top_k: int = 5) -> AsyncTyping:
        """As `Client.typing`; one question at a time."""
        return AsyncTyping(self._ask, self._calls, top_k)

    async def step(
        self, token_ids: Sequence[int] | np.ndarray, states: Mapping[str, np.ndarray] | None = None
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """As `Client.step`."""
        return await self._ask(self._calls.step(token_ids, states))

    async def predict(
        self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """As `Client.predict`."""
        return await self._ask(self._calls.predict(signature, inputs, outputs))

    async def metadata(self) -> Signatures:
        """As `Client.metadata`."""
        return await self._ask(self._calls.metadata())

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _pieces(self, request: bytes) -> AsyncGenerator[str, None]:
        async with aclosing(self._transport.stream(request, self.timeout)) as messages:
            async for message in messages:
                yield speaking_messages["GeneratedWord"].FromString(message).text

    async def _ask(self, call: Call[_Answer]) -> _Answer:
        return call.read(await self._transport.call(call.method, call.request, self.timeout))
