"""gRPC's standard health service, `grpc.health.v1.Health/Check`, which load balancers and Kubernetes ask."""

import threading
from typing import Any

import grpc

from rnnzoo.serving.wire import declare

__all__ = ["HealthService"]

_MESSAGES: dict[str, Any] = dict(
    declare("message HealthCheckRequest { string service = 1; } message HealthCheckResponse { int32 status = 1; }")
)
_SERVING, _NOT_SERVING = 1, 2
# "" is the server as a whole; the bare names are those that TensorFlow Serving's own health service knows.
_SERVICES = ("", "PredictionService", "ModelService", "tensorflow.serving.PredictionService")


class HealthService:
    """SERVING until `stop` is called, NOT_SERVING from then on, so that a draining server gets no new callers.

    `Check` only: `Watch`, the streaming form, answers UNIMPLEMENTED.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stop(self) -> None:
        """From now on the answer is NOT_SERVING."""
        self._stopped.set()

    def add_to(self, server: grpc.Server) -> None:
        """Registers the service."""
        check = grpc.unary_unary_rpc_method_handler(
            self._check,
            request_deserializer=_MESSAGES["HealthCheckRequest"].FromString,
            response_serializer=_MESSAGES["HealthCheckResponse"].SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check}),)
        )

    def _check(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.service not in _SERVICES:
            context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service: {request.service}")
        return _MESSAGES["HealthCheckResponse"](status=_NOT_SERVING if self._stopped.is_set() else _SERVING)
