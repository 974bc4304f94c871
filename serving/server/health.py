"""gRPC's standard health service, `grpc.health.v1.Health/Check`, which load balancers and Kubernetes ask."""

from typing import Any

import grpc

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.wire import declare

__all__ = ["add_to"]

_MESSAGES: dict[str, Any] = dict(
    declare("message HealthCheckRequest { string service = 1; } message HealthCheckResponse { int32 status = 1; }")
)
_SERVING, _NOT_SERVING = 1, 2
# "" is the server as a whole; the bare names are those that TensorFlow Serving's own health service knows.
_SERVICES = ("", "PredictionService", "ModelService", "tensorflow.serving.PredictionService")


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service: SERVING until the core drains, then NOT_SERVING, so that nobody new is sent here.

    `Check` only: `Watch`, the streaming form, answers UNIMPLEMENTED.
    """

    async def check(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        if request.service not in _SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service: {request.service}")
        return _MESSAGES["HealthCheckResponse"](status=_NOT_SERVING if core.draining else _SERVING)

    handler = grpc.unary_unary_rpc_method_handler(
        check,
        request_deserializer=_MESSAGES["HealthCheckRequest"].FromString,
        response_serializer=_MESSAGES["HealthCheckResponse"].SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),)
    )
