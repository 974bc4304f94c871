"""What a load balancer that asks, or watches, is told."""

import shutil
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest

from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.wire import declare

MESSAGES = dict[str, Any](
    declare("message HealthCheckRequest { string service = 1; } message HealthCheckResponse { int32 status = 1; }")
)
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
SERVICES = (
    "",
    "PredictionService",
    "ModelService",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
    "rnnzoo.serving.Speaker",
    "default",  # the model
)


def call(channel: grpc.Channel, kind: str, service: str) -> Any:
    make = channel.unary_unary if kind == "Check" else channel.unary_stream
    method = make(
        f"/grpc.health.v1.Health/{kind}",
        MESSAGES["HealthCheckRequest"].SerializeToString,
        MESSAGES["HealthCheckResponse"].FromString,
    )
    return method(MESSAGES["HealthCheckRequest"](service=service), timeout=20)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_well(arithmetic_server: Server, service: str) -> None:
    with grpc.insecure_channel(arithmetic_server.address) as channel:
        assert SERVING == call(channel, "Check", service).status
        watching = call(channel, "Watch", service)
        assert SERVING == next(watching).status
        watching.cancel()


def test_unknown_services(arithmetic_server: Server) -> None:
    with grpc.insecure_channel(arithmetic_server.address) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            call(channel, "Check", "Nonsense")
        assert grpc.StatusCode.NOT_FOUND == caught.value.code()
        watching = call(channel, "Watch", "Nonsense")
        assert SERVICE_UNKNOWN == next(watching).status
        watching.cancel()


@pytest.mark.parametrize("kind", ["Check", "Watch"])
def test_questions_that_are_none(arithmetic_server: Server, kind: str) -> None:
    with grpc.insecure_channel(arithmetic_server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        next(channel.unary_stream(f"/grpc.health.v1.Health/{kind}")(b"\xff\xff\xff", timeout=20))

    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


def test_without_a_version_nobody_is_sent_here(arithmetic: Path, tmp_path: Path) -> None:
    shutil.copytree(arithmetic, tmp_path / "models")
    server = make_server(tmp_path / "models", port=0, poll_seconds=0)
    server.start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            watching = call(channel, "Watch", "")
            assert SERVING == next(watching).status
            shutil.rmtree(tmp_path / "models" / "3")
            server.repository.refresh()
            assert NOT_SERVING == next(watching).status
            assert [NOT_SERVING] * 2 == [call(channel, "Check", service).status for service in ("", "default")]
            watching.cancel()
    finally:
        server.stop()


def test_a_watcher_is_told_of_the_end_and_does_not_hold_it_up(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0)
    server.start()
    with grpc.insecure_channel(server.address) as channel:
        watching = call(channel, "Watch", "")
        assert SERVING == next(watching).status

        ending = threading.Thread(target=server.stop, args=(15.0,))
        ending.start()

        assert [NOT_SERVING] == [answer.status for answer in watching]
        ending.join(timeout=10)
        assert not ending.is_alive()
