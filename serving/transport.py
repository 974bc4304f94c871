"""How a client's bytes reach a server: over gRPC, or any other way with the same two methods."""

import json
from typing import Protocol

import grpc

from rnnzoo.serving.errors import (
    DeadlineError,
    InvalidRequestError,
    ModelNotFoundError,
    ServerFailedError,
    ServerUnavailableError,
    ServingError,
)

__all__ = ["GrpcTransport", "Transport"]

_SERVICE = "/tensorflow.serving.PredictionService/"
_MOST_MESSAGE_BYTES = 2**31 - 1
# A server that restarts, or whose queue is full for a moment, is asked four times within about a second.
_RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": "tensorflow.serving.PredictionService"}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_REFUSALS: dict[grpc.StatusCode, type[ServingError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: ModelNotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: ModelNotFoundError,
    grpc.StatusCode.UNIMPLEMENTED: ModelNotFoundError,
}


class Transport(Protocol):
    """Two methods, so that a test can stand in for the network."""

    def call(self, method: str, request: bytes, timeout: float) -> bytes:
        """Answers a serialized request to a method of PredictionService, or raises a ServingError."""
        ...

    def close(self) -> None:
        """Lets go of the connection."""
        ...


class GrpcTransport:
    """gRPC to one address; it connects at the first call, and again whenever the connection is lost.

    Args:
        address: `host:port`.
        credentials: for TLS, from `grpc.ssl_channel_credentials`; None for plain text, which this server speaks.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._address = address
        options = [
            ("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MOST_MESSAGE_BYTES),
            ("grpc.service_config", json.dumps(_RETRIES)),
        ]
        self._channel = (
            grpc.insecure_channel(address, options)
            if credentials is None
            else grpc.secure_channel(address, credentials, options)
        )

    def call(self, method: str, request: bytes, timeout: float) -> bytes:
        try:
            return self._channel.unary_unary(_SERVICE + method, _as_is, _as_is)(request, timeout=timeout)
        except grpc.RpcError as error:
            raise self._translated(error, timeout) from error

    def close(self) -> None:
        self._channel.close()

    def _translated(self, error: grpc.RpcError, timeout: float) -> ServingError:
        code, details = error.code(), error.details() or ""
        number = code.value[0]
        if code is grpc.StatusCode.UNAVAILABLE:
            return ServerUnavailableError(
                f"no server answers at {self._address} ({_first_line(details)}): start one with `rnnzoo serve`, "
                "or pass its address.",
                number,
            )
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineError(
                f"the server at {self._address} did not answer within {timeout:g} seconds: pass a longer timeout.",
                number,
            )
        return _REFUSALS.get(code, ServerFailedError)(
            f"the server at {self._address} answered {code.name}: {_first_line(details)}", number
        )


def _as_is(message: bytes) -> bytes:
    return message


def _first_line(details: str) -> str:
    # Behind the first line, TensorFlow lists the nodes of the graph.
    return details.split("\n", 1)[0]
