"""What every call has in common: unreadable messages are INVALID_ARGUMENT, and a server that ends takes no new ones.

gRPC itself answers UNKNOWN to the former, with a traceback, and CANCELLED to what arrives while it shuts down, from
which no caller can tell that it should ask another server.
"""

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from rnnzoo.serving.server.core import Core

__all__ = ["TolerantServer"]

_UNREADABLE = object()
_MESSAGE = "the request could not be parsed: it is not the message that this call takes."
_ENDING = "the server is ending and takes no new requests: ask another one."
_HEALTH = "/grpc.health."  # tells of the end, so that it answers until then
_NO_MORE = object()
_LOOK_SECONDS = 0.2
_Check = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[None]]


class TolerantServer:
    """Takes services for a server, and makes each of their handlers tolerant.

    Args:
        server: where the services go.
        core: says when the server ends.
    """

    def __init__(self, server: grpc.aio.Server, core: Core) -> None:
        self._server = server
        self._core = core

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """As the server's own."""
        tolerant: Any = tuple(_Tolerant(handler, self._core) for handler in handlers)
        self._server.add_generic_rpc_handlers(tolerant)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Generated code calls it beside the other; the asynchronous server does nothing with it, so nor does this."""


class _Tolerant:
    def __init__(self, handler: Any, core: Core) -> None:
        self._handler = handler
        self._core = core
        self._found: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        if method not in self._found:
            handler = self._handler.service(handler_call_details)
            if handler is None:  # another service's; there is no end of such names, so they are not kept
                return None
            self._found[method] = _tolerant(handler, self._core, to_the_end=method.startswith(_HEALTH))
        return self._found[method]


def _tolerant(handler: Any, core: Core, to_the_end: bool) -> Any:
    read, write = _reader(handler.request_deserializer), handler.response_serializer
    check: _Check = _check_readable if to_the_end else functools.partial(_check, core=core)
    if inspect.isasyncgenfunction(handler.stream_stream):
        conversation = _checked_conversation(handler.stream_stream, check, core)
        return grpc.stream_stream_rpc_method_handler(conversation, read, write)
    if inspect.isasyncgenfunction(handler.unary_stream):
        return grpc.unary_stream_rpc_method_handler(_checked_stream(handler.unary_stream, check), read, write)
    if inspect.iscoroutinefunction(handler.unary_unary):
        return grpc.unary_unary_rpc_method_handler(_checked(handler.unary_unary, check), read, write)
    return handler


def _reader(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def reader(message: bytes) -> Any:
        try:
            return read(message)
        except DecodeError:
            return _UNREADABLE

    return reader


async def _check(request: Any, context: grpc.aio.ServicerContext[Any, Any], core: Core) -> None:
    if core.draining:
        core.refused = time.monotonic()
        await context.abort(grpc.StatusCode.UNAVAILABLE, _ENDING)
    await _check_readable(request, context)


async def _check_readable(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    if request is _UNREADABLE:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _MESSAGE)


def _checked(answer: Callable[[Any, Any], Any], check: _Check) -> Callable[[Any, Any], Any]:
    async def checked(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await check(request, context)
        return await answer(request, context)

    return checked


def _checked_stream(answer: Callable[[Any, Any], Any], check: _Check) -> Callable[[Any, Any], Any]:
    async def checked(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await check(request, context)
        async with aclosing(answer(request, context)) as messages:  # whoever hangs up is told of at once
            async for message in messages:
                yield message

    return checked


def _checked_conversation(answer: Callable[[Any, Any], Any], check: _Check, core: Core) -> Callable[[Any, Any], Any]:
    def requests_until_the_end(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        return answer(_until_the_end(requests, context, check, core), context)

    return _checked_stream(requests_until_the_end, check)


async def _until_the_end(
    requests: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any], check: _Check, core: Core
) -> AsyncIterator[Any]:
    """The requests of one call until its caller, or the server, ends: a draining server waits for its calls."""
    unread = aiter(requests)

    async def following() -> Any:
        return await anext(unread, _NO_MORE)

    while not core.draining:
        coming = asyncio.create_task(following())
        try:
            while not coming.done():
                await asyncio.wait({coming}, timeout=_LOOK_SECONDS)
                if core.draining and not coming.done():
                    return
        finally:
            coming.cancel()
        request = coming.result()
        if request is _NO_MORE:
            return
        await check(request, context)
        yield request
