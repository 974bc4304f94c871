"""A server with a REST port, and ways to ask it that were not written here."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.rest.port import RestPort


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="session")
def rest_server(arithmetic: Path) -> Iterator[Server]:
    server = make_server(
        {"half": arithmetic},
        port=0,
        poll_seconds=0,
        rest_api_port=0,
        monitoring_path="/monitoring/prometheus/metrics",
        rest_api_timeout_in_ms=500,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rest_part() -> Callable[[Server], RestPort]:
    """The part of a server that listens for HTTP."""

    def find(server: Server) -> RestPort:
        (part,) = (part for part in server.parts if isinstance(part, RestPort))
        return part

    return find


@pytest.fixture(scope="session")
def rest_port(rest_part: Callable[[Server], RestPort]) -> Callable[[Server], int]:
    return lambda server: rest_part(server).port


@pytest.fixture(scope="session")
def ask(rest_port: Callable[[Server], int]) -> Callable[..., Reply]:
    """Sends one request by the standard library's client."""

    def send(
        server: Server, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", rest_port(server), timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers.items()), response.read())
        finally:
            connection.close()

    return send


@pytest.fixture(scope="session")
def raw(rest_port: Callable[[Server], int]) -> Callable[[Server, bytes], bytes]:
    """Sends bytes as they are, and reads until the server hangs up."""

    def send(server: Server, sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", rest_port(server)), timeout=30) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    return send
