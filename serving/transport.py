"""How a client's bytes reach a server: over gRPC, or any other way with the same three methods."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import grpc

from rnnzoo.serving.errors import (
    ClientClosedError,
    DeadlineError,
    InvalidRequestError,
    ModelNotFoundError,
    ServerFailedError,
    ServerUnavailableError,
    ServingError,
)
from rnnzoo.serving.speaking_protocol import METHOD, SERVICE

__all__ = [
    "CHANNEL_OPTIONS",
    "SPEAK",
    "GrpcTransport",
    "Transport",
    "as_is",
    "checked_address",
    "checked_timeout",
    "closed",
    "path",
    "translated",
]

_SERVICE = "/tensorflow.serving.PredictionService/"
_MOST_MESSAGE_BYTES = 2**31 - 1
# A server that restarts, or whose queue is full for a moment, is asked four times within about a second.
_RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": "tensorflow.serving.PredictionService"}, {"service": SERVICE}],
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
# gRPC's words where there is no connection, for TCP and for names; else it is a server that says it is unavailable.
_NOBODY = ("failed to connect", "errors resolving", "DNS resolution failed")
# gRPC's words where somebody answers: in HTTP, by TLS that does not come about, or not at all.
_HTTP = "http1.x server"
_TLS = ("Tls handshake failed", "verification check failed")
_HUNG_UP = re.compile("failed to connect .*Socket closed")
# What has the code of a busy server, and no patience helps with: gRPC's words; this server's and TensorFlow's. They
# are why that code is not asked again without being told to.
_TOO_LARGE = "message larger than max"
_OUT_OF_MEMORY = ("out of memory", "OOM when allocating")

_HOST_AND_PORT = re.compile(r"(?:\[[^\[\]]+\]|[^:/\[\]]+):(-?[0-9]+)")
_MOST_SECONDS = 10**9  # what comes after ten times as many is too late for gRPC, whose clock ends before
_ASSERTION = re.compile(r"assertion failed: \[(.+?)\](?: \[|$)")

CHANNEL_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MOST_MESSAGE_BYTES),
    ("grpc.service_config", json.dumps(_RETRIES)),
    # A server that has vanished without a word is noticed during a call. gRPC's servers, TensorFlow Serving's too, cut
    # off who pings more than once in five minutes without data; the half minute more is for a ping that arrives early.
    ("grpc.keepalive_time_ms", 330_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # While gRPC waits to connect again, calls fail at once, and it would come to wait two minutes: too long for callers
    # of a server that restarts. The first wait stays its second, longer than one call asks again: of several addresses
    # the last one's error is told, and in a round of its own a refusal would hide that another one speaks HTTP. How
    # long connecting itself may take, `min_reconnect_backoff_ms`, stays 20 seconds.
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
"""Of every channel, blocking or not."""

SPEAK = f"/{SERVICE}/{METHOD}"
"""The path of the streaming call."""


def checked_address(address: str) -> str:
    """The address, unless gRPC would look for it in vain, or elsewhere: it takes port 99999 for port 34463.

    Raises:
        ValueError: if it has no port, is an address of the web, or has a port that there is not.
    """
    if not re.search("[:/]", address):  # gRPC would ask a name alone at port 443
        raise ValueError(f"a server's address must be HOST:PORT, but got {address!r}.")
    if address.startswith(("http://", "https://")):
        raise ValueError(f"a server's address must be HOST:PORT, without http://, but got {address!r}.")
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts and not 1 <= int(parts[1]) <= 65535:
        raise ValueError(f"the port of a server's address must be from 1 to 65535, but got {address!r}.")
    return address


def checked_timeout(timeout: float) -> float:
    """The seconds that a call may take.

    Raises:
        ValueError: if they are none, or more than gRPC can count: it would give up at once.
    """
    if not 0 < timeout <= _MOST_SECONDS:
        raise ValueError(f"timeout must be a positive number of seconds, at most {_MOST_SECONDS}, but got {timeout=}.")
    return timeout


def closed(address: str) -> ClientClosedError:
    """What asking a closed client comes to."""
    return ClientClosedError(
        f"the client of the server at {address} is closed: make a new one.",
        grpc.StatusCode.FAILED_PRECONDITION.value[0],
    )


def path(method: str) -> str:
    """Of a method of PredictionService."""
    return _SERVICE + method


class Transport(Protocol):
    """Three methods, so that a test can stand in for the network."""

    def call(self, method: str, request: bytes, timeout: float) -> bytes:
        """Answers a serialized request to a method of PredictionService, or raises a ServingError."""
        ...

    def stream(self, request: bytes, timeout: float) -> Iterator[bytes]:
        """The messages that answer a request to the streaming service; closing the iterator ends the call."""
        ...

    def close(self) -> None:
        """Lets go of the connection."""
        ...


class GrpcTransport:
    """gRPC to one address; it connects at the first call, and again whenever the connection is lost.

    Args:
        address: `host:port`.
        credentials: for TLS, from `grpc.ssl_channel_credentials`; None for plain text.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._address = checked_address(address)
        self._closed = False
        self._channel = (
            grpc.insecure_channel(address, CHANNEL_OPTIONS)
            if credentials is None
            else grpc.secure_channel(address, credentials, CHANNEL_OPTIONS)
        )

    def call(self, method: str, request: bytes, timeout: float) -> bytes:
        with self._telling(timeout):
            return self._channel.unary_unary(path(method), as_is, as_is)(request, timeout=timeout)

    def stream(self, request: bytes, timeout: float) -> Iterator[bytes]:
        with self._telling(timeout):
            call: Any = self._channel.unary_stream(SPEAK, as_is, as_is)(request, timeout=timeout)
            try:
                yield from call
            finally:
                call.cancel()

    def close(self) -> None:
        self._closed = True
        self._channel.close()

    @contextmanager
    def _telling(self, timeout: float) -> Iterator[None]:
        if self._closed:
            raise closed(self._address)
        try:
            yield
        except grpc.RpcError as error:
            raise translated(error, self._address, timeout, self._closed) from error
        except ValueError as error:  # from a channel that was closed since
            raise (closed(self._address) if self._closed else error) from error


def translated(error: Any, address: str, timeout: float, is_closed: bool) -> ServingError:
    """What a call's status means, in one line; of a client that is closed by now, that it is."""
    code, details = error.code(), error.details() or ""
    number = code.value[0]
    if is_closed and code is grpc.StatusCode.CANCELLED:
        return closed(address)
    if code is grpc.StatusCode.UNAVAILABLE and _HTTP in details:
        return ServerUnavailableError(
            f"{address} speaks HTTP, not gRPC: this may be the HTTP port; gRPC is on --port (8500).", number
        )
    if code is grpc.StatusCode.UNAVAILABLE and any(sign in details for sign in _TLS):
        return ServerUnavailableError(
            f"the server at {address} and this client do not come to terms by TLS ({_first_line(details)}): its "
            "certificate must be for this address and of an authority in the client's credentials.",
            number,
        )
    if code is grpc.StatusCode.UNAVAILABLE and _HUNG_UP.search(details):
        return ServerUnavailableError(
            f"the server at {address} hangs up ({_first_line(details)}): it may want TLS, or a client's certificate: "
            "pass credentials.",
            number,
        )
    if code is grpc.StatusCode.UNAVAILABLE and any(sign in details for sign in _NOBODY):
        return ServerUnavailableError(
            f"no server answers at {address} ({_first_line(details)}): start one with `rnnzoo serve`, "
            "or pass its address.",
            number,
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return ServerUnavailableError(
            f"the server at {address} takes no requests now ({_first_line(details)}): try again later.", number
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineError(
            f"the server at {address} did not answer within {timeout:g} seconds: pass a longer timeout.", number
        )
    error_type = _REFUSALS.get(code, ServerFailedError)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in details:
        error_type = InvalidRequestError
    elif code is grpc.StatusCode.RESOURCE_EXHAUSTED and not any(sign in details for sign in _OUT_OF_MEMORY):
        error_type = ServerUnavailableError
    return error_type(f"the server at {address} answered {code.name}: {_first_line(details)}", number)


def as_is(message: bytes) -> bytes:
    """Messages travel as the bytes that they are."""
    return message


def _first_line(details: str) -> str:
    """Without what TensorFlow says of its graph: of an assertion the rule alone, of the rest the first line.

    >>> _first_line("assertion failed: [top_k must be at least 0..  ] [Condition x >= 0 did not hold:] [x = ] [-1]")
    'top_k must be at least 0.'
    >>> _first_line("Incompatible shapes: [2] vs. [3]\\n\\t [[{{node add}}]]")
    'Incompatible shapes: [2] vs. [3]'
    """
    line = details.split("\n", 1)[0]
    rule = _ASSERTION.search(line)
    return f"{rule[1].rstrip('. ')}." if rule else line
