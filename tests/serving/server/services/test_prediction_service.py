"""The stock stubs of the serving API get the codes, messages and limits of TensorFlow Serving."""

import time
from concurrent import futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.process import Server

Stub = prediction_service_pb2_grpc.PredictionServiceStub


def request(signature: str, **inputs: object) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest(model_spec={"name": "default", "signature_name": signature})
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def test_predict(stub: Stub) -> None:
    answer = stub.Predict(request("spell", text=["a", "漢字"]), timeout=10)

    assert [b"A", "漢字".encode()] == tf.make_ndarray(answer.outputs["upper"]).tolist()


def test_metadata(stub: Stub) -> None:
    asked = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec={"name": "default"}, metadata_field=["signature_def"]
    )
    signatures = get_model_metadata_pb2.SignatureDefMap()

    assert stub.GetModelMetadata(asked, timeout=10).metadata["signature_def"].Unpack(signatures)

    assert {"ids", "upper"} == set(signatures.signature_def["spell"].outputs)


def test_refusals_carry_code_and_message(stub: Stub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request("S"), timeout=10)

    assert grpc.StatusCode.FAILED_PRECONDITION == caught.value.code()
    assert 'Serving signature key "S" not found.' == caught.value.details()


def test_long_messages_are_cut(stub: Stub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request("é" * 2000), timeout=10)

    assert caught.value.details().endswith("é...TRUNCATED")
    assert 1024 - 1 + len("...TRUNCATED") == len(caught.value.details().encode())


def test_the_clients_deadline_ends_the_run(stub: Stub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request("count", n=np.int32(10**9)), timeout=0.3)

    assert grpc.StatusCode.DEADLINE_EXCEEDED == caught.value.code()


def test_messages_above_four_megabytes(stub: Stub) -> None:
    rows = np.ones((450_000, 3), np.float32)

    answer = stub.Predict(request("multiply", rows=rows), timeout=30)

    assert (450_000, 2) == tf.make_ndarray(answer.outputs["product"]).shape


class Noting:
    """An observer that writes down how requests end."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str, str, int]] = []

    def begin(self, api: str, entrypoint: str) -> RequestRecord:
        return RequestRecord(api=api, entrypoint=entrypoint)

    def finish(self, record: RequestRecord, code: int, *others: object) -> None:
        self.ended.append((record.api, record.model_name, record.signature_name, code))


@pytest.fixture
def noting(arithmetic_server: Server, monkeypatch: pytest.MonkeyPatch) -> Noting:
    noting = Noting()
    monkeypatch.setattr(arithmetic_server.core, "observer", noting)
    return noting


def test_whatever_is_refused_is_told_with_its_model(stub: Stub, noting: Noting) -> None:
    spec = {"name": "default", "signature_name": "spell"}
    asked = (
        (stub.Predict, predict_pb2.PredictRequest(model_spec=spec)),
        (stub.Classify, classification_pb2.ClassificationRequest(model_spec=spec)),
        (stub.Regress, regression_pb2.RegressionRequest(model_spec=spec)),
        (stub.MultiInference, inference_pb2.MultiInferenceRequest(tasks=[{"model_spec": spec}])),
        (stub.Predict, predict_pb2.PredictRequest(model_spec={"name": "no such model"})),
    )
    for call, message in asked:
        with pytest.raises(grpc.RpcError):
            call(message, timeout=10)

    assert [
        ("Predict", "default", "", 3),
        ("Classify", "default", "spell", 9),
        ("Regress", "default", "spell", 3),
        ("MultiInference", "default", "", 12),
        ("Predict", "", "", 5),
    ] == noting.ended


def test_a_cancelled_call_is_told(stub: Stub, noting: Noting) -> None:
    call = stub.Predict.future(request("count", n=np.int32(10**9)), timeout=5)  # type: ignore[attr-defined]
    time.sleep(0.3)
    assert call.cancel()

    deadline = time.monotonic() + 20
    while not noting.ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [("Predict", "default", "count", 1)] == noting.ended


def test_many_clients_at_once(stub: Stub) -> None:
    def ask(number: int) -> list[float]:
        answer = stub.Predict(request("serving_default", x=[float(number)]), timeout=30)
        return list(answer.outputs["scaled"].float_val)

    with futures.ThreadPoolExecutor(16) as pool:
        assert [[2.0 * number] for number in range(200)] == list(pool.map(ask, range(200)))
