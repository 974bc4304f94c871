"""gRPC's standard health service, `grpc.health.v1.Health`, which load balancers and Kubernetes ask."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.speaking_protocol import SERVICE
from rnnzoo.serving.wire import declare

__all__ = ["add_to"]

_MESSAGES: dict[str, Any] = dict(
    declare("message HealthCheckRequest { string service = 1; } message HealthCheckResponse { int32 status = 1; }")
)
_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3
# "" is the server as a whole; the bare names are those that TensorFlow Serving's own health service knows.
_SERVICES = (
    "",
    "PredictionService",
    "ModelService",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
    SERVICE,
)
_LOOK_SECONDS = 0.2


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service: NOT_SERVING while no model answers, and once the core drains.

    Then nobody new is sent here; `/healthz/ready` says the same. Of one model it tells those who ask by its name.
    """

    def status(service: str) -> int:
        if service in _SERVICES:
            answers = core.repository.ready
        elif service in core.repository.names:
            answers = service not in core.repository.missing
        else:
            return _SERVICE_UNKNOWN
        return _SERVING if answers and not core.draining else _NOT_SERVING

    async def check(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if status(request.service) == _SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service: {request.service}")
        return _MESSAGES["HealthCheckResponse"](status=status(request.service))

    async def watch(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        told = None
        # It ends once it has told of the end: a draining server waits for its calls.
        while True:
            if told != status(request.service):
                told = status(request.service)
                yield _MESSAGES["HealthCheckResponse"](status=told)
            elif core.draining:
                return
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    messages = {
        "request_deserializer": _MESSAGES["HealthCheckRequest"].FromString,
        "response_serializer": _MESSAGES["HealthCheckResponse"].SerializeToString,
    }
    handlers = {
        "Check": grpc.unary_unary_rpc_method_handler(check, **messages),
        "Watch": grpc.unary_stream_rpc_method_handler(watch, **messages),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
