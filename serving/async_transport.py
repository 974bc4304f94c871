"""gRPC for asyncio, to one address."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Protocol

import grpc

from rnnzoo.serving.transport import CHANNEL_OPTIONS, SPEAK, as_is, checked_address, closed, path, translated

__all__ = ["AsyncGrpcTransport", "AsyncTransport"]


class AsyncTransport(Protocol):
    """Three methods, so that a test can stand in for the network."""

    async def call(self, method: str, request: bytes, timeout: float) -> bytes:
        """Answers a serialized request to a method of PredictionService, or raises a ServingError."""
        ...

    def stream(self, request: bytes, timeout: float) -> AsyncGenerator[bytes, None]:
        """The messages that answer a request to the streaming service; closing the iterator ends the call."""
        ...

    async def close(self) -> None:
        """Lets go of the connection."""
        ...


class AsyncGrpcTransport:
    """It connects at the first call, in whose loop it stays, and again whenever the connection is lost.

    Args:
        address: `host:port`.
        credentials: for TLS, from `grpc.ssl_channel_credentials`; None for plain text.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._address = checked_address(address)
        self._credentials = credentials
        self._closed = False
        self._channel: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def call(self, method: str, request: bytes, timeout: float) -> bytes:
        with self._telling(timeout):
            return await self._connection().unary_unary(path(method), as_is, as_is)(request, timeout=timeout)

    async def stream(self, request: bytes, timeout: float) -> AsyncGenerator[bytes, None]:
        with self._telling(timeout):
            call = self._connection().unary_stream(SPEAK, as_is, as_is)(request, timeout=timeout)
            try:
                async for message in call:
                    yield message
            finally:
                call.cancel()

    async def close(self) -> None:
        self._closed = True
        if self._channel is not None and self._loop is asyncio.get_running_loop():  # another one's calls are over
            await self._channel.close(None)

    def _connection(self) -> grpc.aio.Channel:
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._loop = loop
            self._channel = (
                grpc.aio.insecure_channel(self._address, CHANNEL_OPTIONS)
                if self._credentials is None
                else grpc.aio.secure_channel(self._address, self._credentials, CHANNEL_OPTIONS)
            )
        elif self._loop is not loop:
            raise RuntimeError(
                f"the client of the server at {self._address} must be asked in one loop, but got another one than "
                "before: make a client for each."
            )
        return self._channel

    @contextmanager
    def _telling(self, timeout: float) -> Iterator[None]:
        if self._closed:
            raise closed(self._address)
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._address, timeout, self._closed) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise closed(self._address) from error  # gRPC cancels its calls: nobody has cancelled the task
