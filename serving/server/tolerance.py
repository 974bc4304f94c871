"""Messages that cannot be read are their caller's mistake: INVALID_ARGUMENT, where gRPC says UNKNOWN with a traceback."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError

__all__ = ["TolerantServer"]

_UNREADABLE = object()
_MESSAGE = "the request could not be parsed: it is not the message that this call takes."


class TolerantServer:
    """Takes services for a server, and makes each of their handlers tolerant.

    Args:
        server: where the services go.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """As the server's own."""
        tolerant: Any = tuple(_Tolerant(handler) for handler in handlers)
        self._server.add_generic_rpc_handlers(tolerant)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Generated code calls it beside the other; the asynchronous server does nothing with it, so nor does this."""


class _Tolerant:
    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self._found: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        if method not in self._found:
            handler = self._handler.service(handler_call_details)
            if handler is None:  # another service's; there is no end of such names, so they are not kept
                return None
            self._found[method] = _tolerant(handler)
        return self._found[method]


def _tolerant(handler: Any) -> Any:
    if handler.request_streaming:
        return handler
    if handler.response_streaming:
        if not inspect.isasyncgenfunction(handler.unary_stream):
            return handler
        return grpc.unary_stream_rpc_method_handler(
            _checked_stream(handler.unary_stream), _reader(handler.request_deserializer), handler.response_serializer
        )
    if not inspect.iscoroutinefunction(handler.unary_unary):
        return handler
    return grpc.unary_unary_rpc_method_handler(
        _checked(handler.unary_unary), _reader(handler.request_deserializer), handler.response_serializer
    )


def _reader(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def reader(message: bytes) -> Any:
        try:
            return read(message)
        except DecodeError:
            return _UNREADABLE

    return reader


def _checked(answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    async def checked(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if request is _UNREADABLE:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _MESSAGE)
        return await answer(request, context)

    return checked


def _checked_stream(answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    async def checked(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if request is _UNREADABLE:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _MESSAGE)
        async for message in answer(request, context):
            yield message

    return checked
