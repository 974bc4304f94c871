"""What the REST port must survive: broken JSON, broken HTTP, and far too much of either."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.serving.server.process import Server
from rnnzoo.serving.server.rest.http_api import RestOptions, make_app

Ask = Callable[..., Any]
GOOD = b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}'


@settings(max_examples=60)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]),
        st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)).map(
            lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] :]
        ),
        st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists).map(
            lambda value: json.dumps({"signature_name": "multiply", "instances": [value]}).encode()
        ),
    )
)
def test_any_body_is_answered_with_200_or_4xx(rest_server: Server, ask: Ask, body: bytes) -> None:
    for method in ("predict", "classify"):
        reply = ask(rest_server, "POST", f"/v1/models/half:{method}", body)
        assert reply.status == 200 or 400 <= reply.status < 500, reply
        json.loads(reply.body)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\xfe\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_broken_http_never_ends_the_server(
    rest_server: Server, sent: bytes, ask: Ask, raw: Callable[[Server, bytes], bytes]
) -> None:
    answer = raw(rest_server, sent)

    assert answer == b"" or 400 <= int(answer.split()[1]) < 500
    assert 200 == ask(rest_server, "POST", "/v1/models/half:predict", GOOD).status


def test_deep_nesting_is_refused(rest_server: Server, ask: Ask) -> None:
    for body in (b"[" * 10**6, b'{"instances": ' * 10**5, b'{"inputs": ' + b"[" * 300 + b"]" * 300 + b"}"):
        assert 400 == ask(rest_server, "POST", "/v1/models/half:predict", body).status


def test_a_gigabyte_is_refused_before_it_is_read(
    rest_server: Server, ask: Ask, rest_port: Callable[[Server], int]
) -> None:
    port = rest_port(rest_server)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {2**30}\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(65536)

    assert b" 413 " in answer.split(b"\r\n")[0]
    assert "must have at most" in json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
    assert 200 == ask(rest_server, "POST", "/v1/models/half:predict", GOOD).status


def test_bodies_of_many_callers_are_bounded_together(rest_server: Server) -> None:
    app = make_app(
        rest_server.core,
        RestOptions(most_body_bytes=1000, most_body_bytes_at_once=1500),
    )

    async def statuses() -> tuple[int, int, int]:
        gate = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"x" * 900
            await gate.wait()

        path = "/v1/models/half:predict"
        async with TestClient(TestServer(app)) as client:
            first = asyncio.create_task(client.post(path, data=slowly()))
            async with asyncio.timeout(20):
                while (second := await client.post(path, data=b"x" * 900)).status != 429:
                    await asyncio.sleep(0.01)
            gate.set()
            after = await first
            return second.status, after.status, (await client.post(path, data=b"x" * 900)).status

    assert (429, 400, 400) == asyncio.run(statuses())


def test_a_bomb_in_gzip_is_refused(rest_server: Server, ask: Ask) -> None:
    packed = gzip.compress(b" " * (128 * 2**20), compresslevel=1)
    reply = ask(rest_server, "POST", "/v1/models/half:predict", packed, {"Content-Encoding": "gzip"})

    assert 413 == reply.status
