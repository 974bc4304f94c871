"""`tensor_content` as TensorFlow reads it, and as its own C++ writes it."""

from pathlib import Path

import grpc
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.server.calls.tensor_contents import pack_contents
from rnnzoo.serving.server.process import make_server
from rnnzoo.serving.tensors import decode_tensor, encode_tensor

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(1.5, np.float64),
    np.array([-1, 2], np.int8),
    np.array([[True, False]]),
    np.array([1 + 2j], np.complex64),
    np.array([0.5, 1.5], ml_dtypes.bfloat16),
    np.zeros((0, 3), np.int64),
    np.array([2**63], np.uint64),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_numbers(array: np.ndarray) -> None:
    response = predict_pb2.PredictResponse(model_spec={"name": "m"})
    encode_tensor(array, response.outputs["y"])

    packed = pack_contents(response)

    assert "m" == packed.model_spec.name
    assert np.ascontiguousarray(array).tobytes() == packed.outputs["y"].tensor_content
    np.testing.assert_array_equal(array, tf.make_ndarray(packed.outputs["y"]))


def test_text_reads_back() -> None:
    texts = np.array([[b"", b"a" * 200], ["漢字".encode(), b"\xff"]], object)
    response = predict_pb2.PredictResponse()
    encode_tensor(texts, response.outputs["y"])

    tensor = pack_contents(response).outputs["y"]

    assert not tensor.string_val
    assert texts.tolist() == decode_tensor(tensor).tolist()
    # TensorFlow's own reader.
    assert texts.tolist() == tf.io.parse_tensor(tensor.SerializeToString(), tf.string).numpy().tolist()


def test_a_server_that_is_told_to(arithmetic: Path) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0, enable_serialization_as_tensor_content=True)
    server.start()
    try:
        request = predict_pb2.PredictRequest(model_spec={"name": "default"})
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
        with grpc.insecure_channel(server.address) as channel:
            answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=20)
    finally:
        server.stop()

    assert [2.0, 4.0] == tf.make_ndarray(answer.outputs["scaled"]).tolist()
    assert 8 == len(answer.outputs["scaled"].tensor_content)
    assert not answer.outputs["scaled"].float_val
