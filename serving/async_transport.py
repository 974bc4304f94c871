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
    """It connects at the first call, and again whenever the connection is lost.

    Args:
        address: `host:port`.
        credentials: for TLS, from `grpc.ssl_channel_credentials`; None for plain text.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._address = checked_address(address)
        self._closed = False
        self._channel = (
            grpc.aio.insecure_channel(address, CHANNEL_OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(address, credentials, CHANNEL_OPTIONS)
        )

    async def call(self, method: str, request: bytes, timeout: float) -> bytes:
        with self._telling(timeout):
            return await self._channel.unary_unary(path(method), as_is, as_is)(request, timeout=timeout)

    async def stream(self, request: bytes, timeout: float) -> AsyncGenerator[bytes, None]:
        with self._telling(timeout):
            call = self._channel.unary_stream(SPEAK, as_is, as_is)(request, timeout=timeout)
            try:
                async for message in call:
                    yield message
            finally:
                call.cancel()

    async def close(self) -> None:
        self._closed = True
        await self._channel.close(None)

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
