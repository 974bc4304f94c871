"""What a tool that knows no protocol files, such as grpcurl, can learn from the server."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from rnnzoo.serving.server.process import Server, make_server


@pytest.fixture
def stub(arithmetic_server: Server) -> Iterator[reflection_pb2_grpc.ServerReflectionStub]:
    with grpc.insecure_channel(arithmetic_server.address) as channel:
        yield reflection_pb2_grpc.ServerReflectionStub(channel)


def ask(
    stub: reflection_pb2_grpc.ServerReflectionStub, request: reflection_pb2.ServerReflectionRequest
) -> reflection_pb2.ServerReflectionResponse:
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=10)
    return answer


def test_services(stub: reflection_pb2_grpc.ServerReflectionStub) -> None:
    answer = ask(stub, reflection_pb2.ServerReflectionRequest(list_services=""))

    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "rnnzoo.serving.Speaker",
    } <= {service.name for service in answer.list_services_response.service}


@pytest.mark.parametrize(
    ("service", "methods"),
    [
        (
            "tensorflow.serving.PredictionService",
            {"Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"},
        ),
        ("tensorflow.serving.ModelService", {"GetModelStatus", "HandleReloadConfigRequest"}),
        ("rnnzoo.serving.Speaker", {"Generate"}),
    ],
)
def test_methods(stub: reflection_pb2_grpc.ServerReflectionStub, service: str, methods: set[str]) -> None:
    answer = ask(stub, reflection_pb2.ServerReflectionRequest(file_containing_symbol=service))

    files = [
        descriptor_pb2.FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
    assert methods == {method.name for file in files for service in file.service for method in service.method}


def test_an_open_conversation_does_not_hold_up_the_end(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0)
    server.start()
    requests: queue.SimpleQueue[reflection_pb2.ServerReflectionRequest | None] = queue.SimpleQueue()
    with grpc.insecure_channel(server.address) as channel:
        talking = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter(requests.get, None), timeout=60
        )
        requests.put(reflection_pb2.ServerReflectionRequest(list_services=""))
        assert next(talking).HasField("list_services_response")

        ending = threading.Thread(target=server.stop, args=(60.0,))
        ending.start()
        ending.join(20)
        ended = not ending.is_alive()
        assert [] == list(talking)  # gone, without an error
    requests.put(None)
    ending.join()

    assert ended


def test_a_message_of_a_conversation_that_cannot_be_read(arithmetic_server: Server) -> None:
    with grpc.insecure_channel(arithmetic_server.address) as channel:
        talk = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        with pytest.raises(grpc.RpcError) as caught:
            next(talk(iter([b"\xff"]), timeout=10))

    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


@pytest.mark.parametrize(
    "method", ["tensorflow.serving.SessionService/SessionRun", "tensorflow.ProfilerService/Profile"]
)
def test_services_that_are_not_there_are_unimplemented(arithmetic_server: Server, method: str) -> None:
    with grpc.insecure_channel(arithmetic_server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{method}")(b"", timeout=10)

    assert grpc.StatusCode.UNIMPLEMENTED == caught.value.code()
