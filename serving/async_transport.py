"""gRPC for asyncio, to one address."""

from collections.abc import AsyncIterator
from typing import Protocol

import grpc

from rnnzoo.serving.transport import CHANNEL_OPTIONS, SPEAK, as_is, checked_address, closed, path, translated

__all__ = ["AsyncGrpcTransport", "AsyncTransport"]


class AsyncTransport(Protocol):
    """Three methods, so that a test can stand in for the network."""

    async def call(self, method: str, request: bytes, timeout: float) -> bytes:
        """Answers a serialized request to a method of PredictionService, or raises a ServingError."""
        ...

    def stream(self, request: bytes, timeout: float) -> AsyncIterator[bytes]:
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
        if self._closed:
            raise closed(self._address)
        try:
            return await self._channel.unary_unary(path(method), as_is, as_is)(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._address, timeout) from error

    async def stream(self, request: bytes, timeout: float) -> AsyncIterator[bytes]:
        if self._closed:
            raise closed(self._address)
        call = self._channel.unary_stream(SPEAK, as_is, as_is)(request, timeout=timeout)
        try:
            async for message in call:
                yield message
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._address, timeout) from error
        finally:
            call.cancel()

    async def close(self) -> None:
        self._closed = True
        await self._channel.close(None)
