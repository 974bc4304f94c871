"""TensorFlow's own client takes a trace of a server at work."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2
from waiting import wait_for

from rnnzoo.serving.client import Client
from rnnzoo.serving.server.process import Server, make_server


@pytest.fixture(scope="module")
def server(arithmetic: Path) -> Iterator[Server]:
    server = make_server(arithmetic, port=0, poll_seconds=0, enable_profiler=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def busy(server: Server) -> Iterator[None]:
    """Requests all the time."""
    enough = threading.Event()

    def ask() -> None:
        with Client(server.address) as client:
            while not enough.wait(0.02):
                client.predict("", {"x": [1.0]})

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    enough.set()
    thread.join()


@pytest.mark.usefixtures("busy")
def test_a_trace_holds_what_ran(server: Server, tmp_path: Path) -> None:
    tf.profiler.experimental.client.trace(f"grpc://{server.address}", str(tmp_path), 300)

    (file,) = tmp_path.glob("plugins/profile/*/*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(file.read_bytes())
    names = {event.name for plane in space.planes for event in plane.event_metadata.values()}
    assert any("Mul" in name or "Executor" in name or "Session" in name for name in names), sorted(names)[:50]


def test_it_is_there_only_where_it_is_asked_for(arithmetic_server: Server) -> None:
    with grpc.insecure_channel(arithmetic_server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/tensorflow.ProfilerService/Profile")(b"", timeout=10)

    assert grpc.StatusCode.UNIMPLEMENTED == caught.value.code()


def test_options_that_are_none(server: Server) -> None:
    with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/tensorflow.ProfilerService/Profile")(b"\x22\x03\xff\xff\xff", timeout=10)

    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
    assert caught.value.details().startswith("opts must be a ProfileOptions, but got: ")


def test_terminate_ends_a_trace_early(server: Server) -> None:
    with grpc.insecure_channel(server.address, [("grpc.max_receive_message_length", -1)]) as channel:
        profile = channel.unary_unary("/tensorflow.ProfilerService/Profile")
        terminate = channel.unary_unary("/tensorflow.ProfilerService/Terminate")
        running = profile.future(b"\x08\xc0\x84\x3d", timeout=60)  # for 1,000,000 ms
        while not running.done():
            terminate(b"", timeout=10)

        assert running.result()


def test_a_caller_that_hangs_up_while_a_trace_begins_leaves_none(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    start = tf.profiler.experimental.start

    def start_slowly(*arguments: object) -> None:
        begun.set()
        goes_on.wait(20)
        start(*arguments)

    def traced() -> bool:
        try:
            return bool(profile(b"", timeout=20))
        except grpc.RpcError:  # the one before is about to end
            return False

    with grpc.insecure_channel(server.address, [("grpc.max_receive_message_length", -1)]) as channel:
        profile = channel.unary_unary("/tensorflow.ProfilerService/Profile")
        with monkeypatch.context() as slow:
            slow.setattr(tf.profiler.experimental, "start", start_slowly)
            running = profile.future(b"", timeout=20)
            begun.wait(20)
        running.cancel()
        channel.unary_unary("/tensorflow.ProfilerService/Terminate")(b"", timeout=20)  # comes after it
        goes_on.set()

        wait_for(traced)


def test_a_trace_that_was_not_written(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.profiler.experimental, "start", lambda *_: None)
    monkeypatch.setattr(tf.profiler.experimental, "stop", lambda: None)
    with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/tensorflow.ProfilerService/Profile")(b"", timeout=20)

    assert grpc.StatusCode.INTERNAL == caught.value.code()
    assert "The profiler must have written a trace, but there is none." == caught.value.details()
