"""How the REST port begins and ends: no request is lost, no port is taken twice."""

import asyncio
import http.client
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rnnzoo.serving import Client
from rnnzoo.serving.errors import ServerUnavailableError
from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.rest.port import RestPort

GOOD = b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}'


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def test_a_request_under_way_is_answered_when_the_server_stops(
    arithmetic: Path, rest_port: Callable[[Server], int], rest_part: Callable[[Server], RestPort]
) -> None:
    draining = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0)
    draining.start()
    port = rest_port(draining)

    async def ask_and_stop() -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'{"signature_name": "count", "inputs": 300000}'
        head = f"POST /v1/models/default:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:10])
        await writer.drain()
        await until(lambda: rest_part(draining).under_way == 1)
        stopping = asyncio.get_running_loop().run_in_executor(None, draining.stop, 30.0)
        await until(lambda: draining.core.draining)
        writer.write(body[10:])
        answer = await reader.read()
        await stopping
        writer.close()
        return int(answer.split()[1]), answer

    status, answer = asyncio.run(ask_and_stop())
    assert 200 == status
    assert b"300000" in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("graces", [(5.0, None), (None, 5.0), (5.0, 5.0), (None, None)])
def test_two_may_stop_a_server_at_once(arithmetic: Path, graces: tuple[float | None, float | None]) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0)
    server.start()
    first, second = graces

    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(server.stop, first)
        asyncio.run(until(lambda: server.core.draining))
        server.stop(second)
        stopping.result()

    assert server._loop.closed
    assert not server.repository.ready
    server.stop()  # again, as a `finally` would


def test_a_client_of_grpc_on_the_http_port_leaves_no_traceback_and_is_told(
    arithmetic: Path, rest_port: Callable[[Server], int], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0)
    server.start()
    port = rest_port(server)
    with Client(f"localhost:{port}") as client, pytest.raises(ServerUnavailableError) as caught:
        client.predict("multiply", {"x": 1.0})
    server.stop()
    assert f"localhost:{port} speaks HTTP, not gRPC: this may be the HTTP port; gRPC is on --port (8500)." == str(
        caught.value
    )
    assert "Traceback" not in caplog.text


def test_no_request_is_lost_when_a_server_under_load_stops(
    arithmetic: Path, rest_port: Callable[[Server], int]
) -> None:
    stopping = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0)
    stopping.start()
    port = rest_port(stopping)
    answered: list[int] = []
    lost: list[Exception] = []

    def keep_asking() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            try:
                connection.connect()
            except ConnectionRefusedError:
                return
            try:
                while connection.sock is not None:  # which is gone once the server has said that it closes
                    connection.request("POST", "/v1/models/default:predict", GOOD)
                    response = connection.getresponse()
                    response.read()
                    answered.append(response.status)
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                return

    callers = [threading.Thread(target=keep_asking) for _ in range(8)]
    for caller in callers:
        caller.start()
    asyncio.run(until(lambda: len(answered) >= 50 or bool(lost)))
    stopping.stop(30.0)
    for caller in callers:
        caller.join(60)

    assert [] == lost
    assert {200} == set(answered)
