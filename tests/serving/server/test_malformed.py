"""Whatever arrives, the answer says whose mistake it was, and the server goes on."""

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.process import Server

MISTAKES = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNIMPLEMENTED,
}
METHODS = ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")
SIZES = st.sampled_from([-1, 0, 1, 2, 3, 1000, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1])
SIGNATURES = ("", "predict_next", "score", "generate", "step", "extend", "speak", "multiply", "spell", "S", "é" * 600)
INPUTS = ("text", "unfinished", "hidden", "token_ids", "layer_0_state_0", "rows", "x", "max_words", "seed", "", "\n")


@st.composite
def tensors(draw: st.DrawFn) -> tensor_pb2.TensorProto:
    """Any type, any shape, little data, in any field."""
    tensor = tensor_pb2.TensorProto(dtype=draw(st.sampled_from([*types_pb2.DataType.values(), 99, -1])))
    for size in draw(st.lists(SIZES, max_size=4)):
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_shape.unknown_rank = draw(st.integers(0, 9)) == 0
    kind = draw(st.sampled_from(["none", "content", "float_val", "string_val", "int_val", "half_val", "scomplex_val"]))
    if kind == "content":
        tensor.tensor_content = draw(st.binary(max_size=40))
    elif kind == "string_val":
        tensor.string_val.extend(draw(st.lists(st.binary(max_size=8), max_size=3)))
    elif kind in ("float_val", "scomplex_val"):
        getattr(tensor, kind).extend(draw(st.lists(st.floats(width=32), max_size=3)))
    elif kind != "none":
        getattr(tensor, kind).extend(draw(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3)))
    return tensor


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = draw(st.sampled_from(["default", "default", "default", "", "nobody"]))
    request.model_spec.signature_name = draw(st.sampled_from(SIGNATURES))
    if draw(st.integers(0, 9)) == 0:
        request.model_spec.version.value = draw(st.integers(-(2**63), 2**63 - 1))
    for name in draw(st.lists(st.sampled_from(INPUTS), max_size=4)):
        request.inputs[name].CopyFrom(draw(tensors()))
    request.output_filter.extend(draw(st.lists(st.sampled_from(["words", "Z", "", "words"]), max_size=2)))
    message = request.SerializeToString()
    return message[: draw(st.integers(0, len(message)))] if draw(st.integers(0, 9)) == 0 else message


@pytest.fixture(scope="module")
def channels(language_model_server: Server, arithmetic_server: Server) -> Iterator[list[grpc.Channel]]:
    servers = (language_model_server, arithmetic_server)
    channels = [grpc.insecure_channel(server.address) for server in servers]
    yield channels
    for channel in channels:
        channel.close()


def status(channel: grpc.Channel, method: str, message: bytes) -> grpc.StatusCode:
    try:
        channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")(message, timeout=60)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@given(requests())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tensors_of_nonsense(channels: list[grpc.Channel], message: bytes) -> None:
    for channel in channels:
        assert status(channel, "Predict", message) in MISTAKES | {grpc.StatusCode.OK}


@given(st.sampled_from(METHODS), st.binary(max_size=60))
@settings(max_examples=100)
def test_bytes_of_nonsense(channels: list[grpc.Channel], method: str, message: bytes) -> None:
    for channel in channels:
        assert status(channel, method, message) in MISTAKES | {grpc.StatusCode.OK}


def test_a_name_that_is_no_unicode(channels: list[grpc.Channel]) -> None:
    message = predict_pb2.PredictRequest(model_spec={"name": "default"}).SerializeToString()

    assert grpc.StatusCode.INVALID_ARGUMENT == status(
        channels[0], "Predict", message.replace(b"default", b"d\xff\xfeault")
    )


def test_a_call_that_there_is_not(channels: list[grpc.Channel]) -> None:
    assert grpc.StatusCode.UNIMPLEMENTED == status(channels[0], "Nonsense", b"")


def test_words_that_there_are_not(channels: list[grpc.Channel]) -> None:
    for token in (-1, 10**6, 2**31 - 1):
        request = predict_pb2.PredictRequest(model_spec={"name": "default", "signature_name": "step"})
        request.inputs["token_ids"].CopyFrom(tf.make_tensor_proto(np.array([token], np.int32)))
        assert grpc.StatusCode.INVALID_ARGUMENT == status(channels[0], "Predict", request.SerializeToString())


@pytest.mark.parametrize("shape", [(2**31, 0), (2**24,), (20_000,), (2**31 - 1,), (2**62, 2**62)])
@pytest.mark.parametrize(("signature", "name"), [("step", "token_ids"), ("generate", "seed")])
def test_rows_that_nobody_sent(channels: list[grpc.Channel], signature: str, name: str, shape: tuple[int, ...]) -> None:
    request = predict_pb2.PredictRequest(model_spec={"name": "default", "signature_name": signature})
    request.inputs[name].dtype = types_pb2.DT_INT32
    request.inputs[name].int_val.append(1)
    for size in shape:
        request.inputs[name].tensor_shape.dim.add(size=size)
    assert grpc.StatusCode.INVALID_ARGUMENT == status(channels[0], "Predict", request.SerializeToString())


def test_texts_that_nobody_sent(channels: list[grpc.Channel]) -> None:
    request = predict_pb2.PredictRequest(model_spec={"name": "default", "signature_name": "predict_next"})
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(["the game"]))
    request.inputs["text"].tensor_shape.dim[0].size = 2**23
    assert grpc.StatusCode.INVALID_ARGUMENT == status(channels[0], "Predict", request.SerializeToString())


def test_the_servers_are_still_there(channels: list[grpc.Channel]) -> None:
    request = predict_pb2.PredictRequest(model_spec={"name": "default", "signature_name": "predict_next"})
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(["the game"]))

    assert grpc.StatusCode.OK == status(channels[0], "Predict", request.SerializeToString())
