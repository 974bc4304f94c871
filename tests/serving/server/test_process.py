"""A server starts on a port that is free, says what is wrong if it is not, and ends without losing a request."""

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import grpc
import numpy as np
import pytest
from waiting import wait_for

from rnnzoo.serving.client import Client
from rnnzoo.serving.server import process
from rnnzoo.serving.server.process import Server, make_server, run
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.version_states import State, VersionState
from rnnzoo.serving.wire import declare

HEALTH = dict[str, Any](
    declare("message HealthCheckRequest { string service = 1; } message HealthCheckResponse { int32 status = 1; }")
)


def health(server: Server, service: str = "") -> int:
    with grpc.insecure_channel(server.address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            HEALTH["HealthCheckRequest"].SerializeToString,
            HEALTH["HealthCheckResponse"].FromString,
        )
        return int(check(HEALTH["HealthCheckRequest"](service=service), timeout=10).status)


def test_port_0_is_a_free_one(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0)

    assert server.port > 0
    assert f"127.0.0.1:{server.port}" == server.address
    server.stop()


def test_a_port_in_use_is_one_clear_error(arithmetic: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"^port {port} on 127.0.0.1 is in use: stop the other server, or pass"):
            make_server(arithmetic, port=port)


def test_a_rest_port_in_use_is_told_before_any_model_loads(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"^port {port} on 127.0.0.1 is in use: stop the other server, or pass"):
            make_server(tmp_path / "no model", port=0, rest_api_port=port)
    with pytest.raises(ValueError, match=r"port and rest_api_port must differ, but got 8500 for both."):
        make_server(tmp_path / "no model", port=8500, rest_api_port=8500)


def test_a_server_that_cannot_start_is_stopped(arithmetic: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = make_server(arithmetic, port=0, rest_api_port=port)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(OSError, match=rf"^port {port} on 127.0.0.1 is in use"),
    ):
        server.start()

    assert not server.repository.ready
    with pytest.raises(OSError, match=r"refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)
    server.stop()  # again, as a `finally` would


def test_a_port_of_another_server_is_in_use(arithmetic: Path, arithmetic_server: Server) -> None:
    with pytest.raises(OSError, match=r"is in use"):
        make_server(arithmetic, port=arithmetic_server.port)


def test_hosts_and_numbers_that_cannot_be(arithmetic: Path) -> None:
    with pytest.raises(OSError, match=r"^port 0 on no.such.host.invalid cannot be listened on"):
        make_server(arithmetic, port=0, host="no.such.host.invalid")
    with pytest.raises(ValueError, match=r"host must be a name or an address, such as 127.0.0.1, but got host=''."):
        make_server(arithmetic, port=0, host="")
    with pytest.raises(ValueError, match=r"port must be between 0 and 65535, but got port=70000."):
        make_server(arithmetic, port=70000)
    with pytest.raises(ValueError, match=r"workers must be a positive number of threads, but got workers=0."):
        make_server(arithmetic, workers=0)
    with pytest.raises(FileNotFoundError, match=r"must be a folder of numbered versions"):
        make_server(arithmetic / "missing", port=0)


@pytest.mark.parametrize(
    "settings",
    [{"grpc_socket_path": "/missing/socket"}, {"grpc_channel_arguments": (("grpc.keepalive_time_ms", 2**40),)}],
)
def test_a_server_that_cannot_be_made_leaves_nothing_behind(
    arithmetic: Path, tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories: list[Repository] = []

    class Kept(Repository):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            repositories.append(self)

    monkeypatch.setattr(process, "Repository", Kept)
    before = threading.enumerate()
    with pytest.raises((OSError, OverflowError)):
        make_server(arithmetic, port=0, request_log_folder=str(tmp_path), **settings)

    assert before == threading.enumerate()
    assert not repositories[0].ready


def test_several_models(arithmetic: Path, exported: Path) -> None:
    server = make_server({"numbers": arithmetic, "words": exported}, port=0)
    server.start()
    try:
        with Client(server.address, "numbers") as numbers, Client(server.address, "words") as words:
            assert [2.0] == numbers.predict("", {"x": [1.0]})["scaled"].tolist()
            assert 5 == len(words.predict_next("the game")[0])
    finally:
        server.stop()


@pytest.mark.parametrize("service", ["", "PredictionService", "tensorflow.serving.PredictionService"])
def test_health(arithmetic_server: Server, service: str) -> None:
    assert 1 == health(arithmetic_server, service)


def test_health_of_what_is_not_there(arithmetic_server: Server) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        health(arithmetic_server, "Nonsense")

    assert grpc.StatusCode.NOT_FOUND == caught.value.code()


def test_a_new_version_is_picked_up_without_a_failed_request(
    save_arithmetic: Callable[..., None], tmp_path: Path
) -> None:
    save_arithmetic(tmp_path, 1)
    server = make_server(tmp_path, port=0, poll_seconds=0.05)
    server.start()
    answers: list[float] = []
    try:
        save_arithmetic(tmp_path / "partial", "2", offset=100.0)
        with Client(server.address) as client:
            until = time.monotonic() + 20
            while time.monotonic() < until and answers[-1:] != [102.0]:
                answers += client.predict("", {"x": [1.0]})["scaled"].tolist()
                if len(answers) == 10:
                    (tmp_path / "partial" / "2").rename(tmp_path / "2")
    finally:
        server.stop()

    assert {2.0, 102.0} == set(answers)
    assert sorted(answers) == answers


def test_a_look_for_versions_that_fails_is_not_the_last_one(
    arithmetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start, refused = threading.Thread.start, list[str]()

    def no_thread_for_a_moment(thread: threading.Thread) -> None:
        if thread.name == "rnnzoo-unload" and not refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_thread_for_a_moment)
    shutil.copytree(arithmetic, tmp_path / "models")
    server = make_server(tmp_path / "models", port=0, poll_seconds=0.05)
    server.start()
    try:
        shutil.copytree(arithmetic / "3", tmp_path / "4")
        (tmp_path / "4").rename(tmp_path / "models" / "4")
        wait_for(
            lambda: (
                [VersionState(4, State.AVAILABLE), VersionState(3, State.END)] == server.repository.states("default")
            )
        )
    finally:
        server.stop()

    assert ["rnnzoo-unload"] == refused
    assert "looking for new versions failed; the next look is in 0.05 s" in caplog.messages


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(arithmetic: Path, number: signal.Signals) -> None:
    server = make_server(arithmetic, port=0)
    client = Client(server.address, timeout=30)
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(int(client.predict("count", {"n": np.int32(100_000)})["counted"]))
    )

    def ready(server: Server) -> None:
        client.predict("count", {"n": np.int32(1)})  # the first run of a signature is the slow one
        asking.start()
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()

    before = signal.getsignal(number)
    run(server, ready=ready)

    asking.join()
    assert [100_000] == answers
    assert before == signal.getsignal(number)
    with pytest.raises(OSError, match=r"refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_second_signal_does_not_wait(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0)
    client = Client(server.address, timeout=120)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            client.predict("count", {"n": np.int32(10**9)})
        except Exception as error:
            errors.append(error)

    asking = threading.Thread(target=ask)

    def ready(server: Server) -> None:
        asking.start()
        for seconds in (0.3, 0.6):
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM)).start()

    started = time.monotonic()
    run(server, ready=ready)
    asking.join()

    assert time.monotonic() - started < 15
    assert 1 == len(errors)


@pytest.mark.timeout(60)
def test_a_signal_may_come_at_any_line(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0)

    def signal_at(frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and signal.getsignal(signal.SIGTERM) is not handler:
            signal.raise_signal(signal.SIGTERM)
        return signal_at

    def ready(_: Server) -> None:
        caller = sys._getframe(1)
        caller.f_trace = signal_at
        sys.settrace(signal_at)

    handler, tracer = signal.getsignal(signal.SIGTERM), sys.gettrace()
    try:
        run(server, ready=ready)
    finally:
        sys.settrace(tracer)

    assert not server.repository.ready


def test_the_end_does_not_wait_for_a_version_that_gets_warm(
    arithmetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warming = threading.Event()

    def warm(servable: Servable) -> None:
        if servable.version == 4:
            warming.set()
            count = servable.signatures["count"]
            servable.run({count.inputs["n"].name: np.int32(10**9)}, [count.outputs["counted"].name])

    monkeypatch.setattr("rnnzoo.serving.server.process.warm_servable", warm)
    shutil.copytree(arithmetic, tmp_path / "models")
    server = make_server(tmp_path / "models", port=0, poll_seconds=0.05)

    def ready(server: Server) -> None:
        shutil.copytree(arithmetic / "3", tmp_path / "4")
        (tmp_path / "4").rename(tmp_path / "models" / "4")
        assert warming.wait(20)
        os.kill(os.getpid(), signal.SIGTERM)

    run(server, grace=60.0, ready=ready)

    assert [(4, State.LOADING, ""), (3, State.AVAILABLE, "")] == [
        (state.version, state.state, state.message) for state in server.repository.states("default")
    ]
    wait_for(lambda: "rnnzoo-versions" not in {thread.name for thread in threading.enumerate()})


def test_run_wants_the_main_thread(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0)
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            run(server)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    server.stop()

    assert ["run must be called in the main thread, but got another; there, call server.start()."] == [
        str(error) for error in errors
    ]
