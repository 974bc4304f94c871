"""What gRPC says goes wrong becomes one line that helps."""

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent import futures

import grpc
import pytest
from waiting import wait_for

from rnnzoo.serving.async_transport import AsyncGrpcTransport
from rnnzoo.serving.errors import (
    ClientClosedError,
    DeadlineError,
    InvalidRequestError,
    ModelNotFoundError,
    ServerFailedError,
    ServerUnavailableError,
    ServingError,
)
from rnnzoo.serving.transport import GrpcTransport


class Scripted(grpc.GenericRpcHandler):
    """Answers every call with the next status of a list, None for success."""

    def __init__(
        self, *statuses: grpc.StatusCode | None, details: str = "what happened\nand where in the graph"
    ) -> None:
        self.statuses = list(statuses)
        self.details = details
        self.calls = 0

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls += 1
            status = self.statuses.pop(0)
            if status is not None:
                context.abort(status, self.details)
            return request

        return grpc.unary_unary_rpc_method_handler(answer)


def serve(handler: Scripted, port: int = 0) -> tuple[grpc.Server, str]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, f"127.0.0.1:{port}"


@pytest.mark.parametrize("transport", [GrpcTransport, AsyncGrpcTransport])
@pytest.mark.parametrize("address", ["http://localhost:8501", "https://example.org"])
def test_an_address_of_the_web_is_none(transport: Callable[[str], object], address: str) -> None:
    with pytest.raises(ValueError, match=rf"must be HOST:PORT, without http://, but got '{address}'\."):
        transport(address)


@pytest.mark.parametrize("transport", [GrpcTransport, AsyncGrpcTransport])
@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("", r"a server's address must be HOST:PORT, but got ''\."),
        ("localhost", r"a server's address must be HOST:PORT, but got 'localhost'\."),
        ("localhost:99999", r"the port of a server's address must be from 1 to 65535, but got 'localhost:99999'\."),
        ("[::1]:0", r"must be from 1 to 65535, but got '\[::1\]:0'\."),
    ],
)
def test_addresses_where_nobody_can_be(transport: Callable[[str], object], address: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        transport(address)


def test_a_closed_client_says_so() -> None:
    transport = GrpcTransport("localhost:1")
    transport.close()
    transport.close()  # again, as a `finally` would

    with pytest.raises(
        ClientClosedError, match=r"^the client of the server at localhost:1 is closed: make a new one\."
    ):
        transport.call("Predict", b"", 10.0)
    with pytest.raises(ClientClosedError):
        next(transport.stream(b"", 10.0))


def test_a_closed_client_of_asyncio_says_so() -> None:
    async def ask() -> None:
        transport = AsyncGrpcTransport("localhost:1")
        await transport.close()
        with pytest.raises(ClientClosedError, match=r"is closed: make a new one\."):
            await transport.call("Predict", b"", 10.0)
        with pytest.raises(ClientClosedError):
            await anext(transport.stream(b"", 10.0))

    asyncio.run(ask())


def test_a_client_of_asyncio_is_asked_in_one_loop() -> None:
    server, address = serve(Scripted(None, None))
    transport = AsyncGrpcTransport(address)

    assert b"one" == asyncio.run(transport.call("Predict", b"one", 10.0))
    with pytest.raises(RuntimeError, match=r"must be asked in one loop, but got another .*: make a client for each"):
        asyncio.run(transport.call("Predict", b"two", 10.0))

    asyncio.run(transport.close())
    server.stop(None).wait()


@pytest.mark.parametrize("how", ["call", "stream"])
def test_a_client_that_is_closed_while_it_asks_says_so(how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, futures.ThreadPoolExecutor(1) as thread:
        transport = GrpcTransport(f"127.0.0.1:{silent.getsockname()[1]}")
        asking = thread.submit(
            lambda: transport.call("Predict", b"", 60.0) if how == "call" else next(transport.stream(b"", 60.0))
        )
        connection, _ = silent.accept()
        transport.close()

        assert isinstance(asking.exception(20), ClientClosedError)
        connection.close()


def test_a_client_that_is_closed_just_before_its_channel_is_asked_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = GrpcTransport("localhost:1")
    unary_unary = transport._channel.unary_unary

    def closing(*about: object) -> object:
        transport.close()
        return unary_unary(*about)  # type: ignore[arg-type]

    monkeypatch.setattr(transport._channel, "unary_unary", closing)

    with pytest.raises(ClientClosedError):
        transport.call("Predict", b"", 10.0)


def test_a_client_of_asyncio_that_is_closed_while_it_asks_says_so() -> None:
    async def ask() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            transport = AsyncGrpcTransport(f"127.0.0.1:{silent.getsockname()[1]}")
            asking = [
                asyncio.create_task(transport.call("Predict", b"", 60.0)),
                asyncio.ensure_future(anext(transport.stream(b"", 60.0))),
                cancelled := asyncio.create_task(transport.call("Predict", b"", 60.0)),
            ]
            await asyncio.sleep(0)
            cancelled.cancel()
            await transport.close()

            errors = await asyncio.gather(*asking, return_exceptions=True)

        assert [ClientClosedError, ClientClosedError, asyncio.CancelledError] == [type(error) for error in errors]

    asyncio.run(ask())


def call(address: str, timeout: float = 10.0) -> bytes:
    transport = GrpcTransport(address)
    try:
        return transport.call("Predict", b"", timeout)
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequestError),
        (grpc.StatusCode.NOT_FOUND, ModelNotFoundError),
        (grpc.StatusCode.FAILED_PRECONDITION, ModelNotFoundError),
        (grpc.StatusCode.UNIMPLEMENTED, ModelNotFoundError),
        (grpc.StatusCode.INTERNAL, ServerFailedError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ServerUnavailableError),
    ],
)
def test_statuses_become_errors(status: grpc.StatusCode, error: type[ServingError]) -> None:
    server, address = serve(Scripted(status))

    with pytest.raises(error) as caught:
        call(address)

    assert f"the server at {address} answered {status.name}: what happened" == str(caught.value)
    assert status.value[0] == caught.value.code
    server.stop(None).wait()


@pytest.mark.parametrize(
    ("details", "error"),
    [
        ("SERVER: Received message larger than max (5 vs. 4)", InvalidRequestError),
        ("out of memory: 3 GiB", ServerFailedError),
        ("OOM when allocating", ServerFailedError),
    ],
)
def test_what_is_too_large_is_not_a_busy_server(details: str, error: type[ServingError]) -> None:
    server, address = serve(Scripted(grpc.StatusCode.RESOURCE_EXHAUSTED, details=details))

    with pytest.raises(error):
        call(address)

    server.stop(None).wait()


def test_a_server_that_takes_no_requests_is_there() -> None:
    handler = Scripted(*[grpc.StatusCode.UNAVAILABLE] * 4, details="the queue is full")
    server, address = serve(handler)

    with pytest.raises(ServerUnavailableError) as caught:
        call(address)

    assert f"the server at {address} takes no requests now (the queue is full): try again later." == str(caught.value)
    server.stop(None).wait()


def test_a_busy_moment_is_waited_out() -> None:
    handler = Scripted(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, None)
    server, address = serve(handler)

    assert b"" == call(address)

    assert 3 == handler.calls
    server.stop(None).wait()


@pytest.mark.parametrize("kind", ["port", "host", "socket"])
def test_nobody_there_names_the_address_and_the_way_out(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = {"port": f"127.0.0.1:{port}", "host": f"no-such-host.invalid:{port}", "socket": "unix:/no/such"}[kind]

    with pytest.raises(ServerUnavailableError) as caught:
        call(address)

    assert str(caught.value).startswith(f"no server answers at {address} (")
    assert str(caught.value).endswith("start one with `rnnzoo serve`, or pass its address.")


CONNECTING = "failed to connect to all addresses; last error: UN"


@pytest.mark.parametrize(
    ("details", "help_"),
    [
        (f"{CONNECTING}AVAILABLE: ipv6:[::1]:9500: Socket closed", "it may want TLS, or a client's certificate"),
        (
            f"{CONNECTING}KNOWN: ipv6:[::1]:9500: Tls handshake failed (TSI_PROTOCOL_FAILURE)",
            "its certificate must",
        ),
        (
            f"{CONNECTING}KNOWN: ipv6:[::1]:9500: Custom verification check failed with error",
            "its certificate must",
        ),
        ("Socket closed", "try again later."),  # under way
    ],
)
def test_a_server_that_wants_other_credentials_is_there(details: str, help_: str) -> None:
    server, address = serve(Scripted(*[grpc.StatusCode.UNAVAILABLE] * 4, details=details))

    with pytest.raises(ServerUnavailableError) as caught:
        call(address)

    assert help_ in str(caught.value)
    assert "no server answers" not in str(caught.value)
    server.stop(None).wait()


def hang_up(listener: socket.socket, callers: int) -> None:
    for _ in range(callers):
        listener.accept()[0].close()


def test_a_server_that_comes_late_is_found() -> None:
    # Six connections that come to nothing: by its own measure gRPC would wait 10 seconds before the seventh.
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
        transport = GrpcTransport(f"127.0.0.1:{port}")
        hanging_up = threading.Thread(target=hang_up, args=(nobody, 6))
        hanging_up.start()
        while hanging_up.is_alive():
            with pytest.raises(ServerUnavailableError):
                transport.call("Predict", b"", 10.0)
            hanging_up.join(0.01)
    server, _ = serve(Scripted(None), port)

    def answered() -> bool:
        try:
            return transport.call("Predict", b"", 10.0) == b""
        except ServerUnavailableError:
            return False

    wait_for(answered, seconds=5)
    transport.close()
    server.stop(None).wait()


def test_too_slow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DeadlineError) as caught:
            call(address, timeout=0.2)

    assert f"the server at {address} did not answer within 0.2 seconds: pass a longer timeout." == str(caught.value)
