"""Every refusal in TensorFlow Serving's own words, and answers in typed lists."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from predicting import predict
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from rnnzoo.serving.server.calls.inference import get_model_metadata
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.status import Code, StatusError


@pytest.fixture(scope="module")
def repository(arithmetic: Path) -> Repository:
    return Repository({"default": arithmetic})


def request(signature: str = "", output_filter: tuple[str, ...] = (), **inputs: Any) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest(output_filter=output_filter)
    message.model_spec.name = "default"
    message.model_spec.signature_name = signature
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def refusal(ask: Callable[..., Any], repository: Repository, message: Any) -> tuple[int, str]:
    with pytest.raises(StatusError) as caught:
        ask(repository, message)
    return caught.value.code, caught.value.message


def test_answers_fill_typed_lists_and_name_what_answered(repository: Repository) -> None:
    answer = predict(repository, request("spell", text=["a", "zz", ""]))

    assert [b"A", b"ZZ", b""] == list(answer.outputs["upper"].string_val)
    assert [1, 0, 0] == list(answer.outputs["ids"].int_val)
    assert types_pb2.DT_INT32 == answer.outputs["ids"].dtype
    assert b"" == answer.outputs["ids"].tensor_content
    assert ("default", 3, "spell") == (
        answer.model_spec.name,
        answer.model_spec.version.value,
        answer.model_spec.signature_name,
    )


def test_defaults_of_signature_and_input(repository: Repository) -> None:
    answer = predict(repository, request(x=[1.0, 2.0]))

    assert "serving_default" == answer.model_spec.signature_name
    assert [2.0, 4.0] == list(answer.outputs["scaled"].float_val)
    answer = predict(repository, request(x=[1.0, 2.0], factor=[10.0]))
    assert [10.0, 20.0] == list(answer.outputs["scaled"].float_val)


def test_only_the_filtered_outputs_are_answered(repository: Repository) -> None:
    assert ["negative"] == list(predict(repository, request("", ("negative",), x=[1.0])).outputs)
    assert {"scaled", "negative"} == set(predict(repository, request(x=[1.0])).outputs)


def test_a_given_version(repository: Repository) -> None:
    message = request(x=[1.0])
    message.model_spec.version.value = 3

    assert 3 == predict(repository, message).model_spec.version.value


def test_empty_batches(repository: Repository) -> None:
    message = request("spell")
    message.inputs["text"].CopyFrom(tf.make_tensor_proto([], tf.string))

    answer = predict(repository, message)

    assert [0] == [axis.size for axis in answer.outputs["upper"].tensor_shape.dim]


def test_a_shape_is_the_business_of_the_ops(repository: Repository) -> None:
    code, message = refusal(predict, repository, request("multiply", rows=[[1.0, 2.0]]))

    assert Code.INVALID_ARGUMENT == code
    assert message.startswith("Matrix size-incompatible: In[0]: [1,2], In[1]: [3,2]")
    scaled = predict(repository, request(x=[[1.0], [2.0]]))  # declared (batch,), and no op minds
    assert [2.0, 4.0] == list(scaled.outputs["scaled"].float_val)


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (
            request("S", x=[1.0]),
            Code.FAILED_PRECONDITION,
            'Serving signature key "S" not found.',
        ),
        (
            request("multiply"),
            Code.INVALID_ARGUMENT,
            "input size does not match signature: 0!=1 len({}) != len({rows}). Sent extra: {}. "
            "Missing but required: {rows}.",
        ),
        (
            request("multiply", b=[1.0], a=[1.0]),
            Code.INVALID_ARGUMENT,
            "input size does not match signature: 2!=1 len({a,b}) != len({rows}). Sent extra: {a,b}. "
            "Missing but required: {rows}.",
        ),
        (
            request("multiply", bad=[1.0]),
            Code.INVALID_ARGUMENT,
            "Signature input alias: rows(feed name: multiply_rows:0) not found in request and no default value "
            "provided. Inputs expected to be in the request {bad}, or default input alias set: ",
        ),
        (
            request(factor=[1.0]),
            Code.INVALID_ARGUMENT,
            "Signature input alias: x(feed name: serving_default_x:0) not found in request and no default value "
            "provided. Inputs expected to be in the request {factor}, or default input alias set: factor",
        ),
        (
            request(x=[1.0], bad=[1.0]),
            Code.INVALID_ARGUMENT,
            "Inputs contains invalid name. Used request inputs: x, request input: bad,x",
        ),
        (
            request("spell", ("Z",), text=["a"]),
            Code.INVALID_ARGUMENT,
            "output tensor alias not found in signature: Z Outputs expected to be in the set {ids,upper}.",
        ),
        (
            request("spell", ("ids", "ids"), text=["a"]),
            Code.INVALID_ARGUMENT,
            "duplicate output tensor alias: ids",
        ),
        (
            request("multiply", rows=["text"]),
            Code.INVALID_ARGUMENT,
            "Expects arg[0] to be float but string is provided",
        ),
        (
            request(factor=[1.0], x=[1]),
            Code.INVALID_ARGUMENT,
            "Expects arg[1] to be float but int32 is provided",
        ),
        (predict_pb2.PredictRequest(), Code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (predict_pb2.PredictRequest(model_spec={}), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (
            predict_pb2.PredictRequest(model_spec={"name": "M"}),
            Code.NOT_FOUND,
            "Servable not found for request: Latest(M)",
        ),
        (
            predict_pb2.PredictRequest(model_spec={"name": "default", "version": {"value": 9}}),
            Code.NOT_FOUND,
            "Servable not found for request: Specific(default, 9)",
        ),
        (
            predict_pb2.PredictRequest(model_spec={"name": "default", "version_label": "L"}),
            Code.INVALID_ARGUMENT,
            "Unrecognized servable version label: L",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals(repository: Repository, message: predict_pb2.PredictRequest, code: Code, text: str) -> None:
    assert (code, text) == refusal(predict, repository, message)


def test_method_names_are_checked_where_that_is_asked_for(arithmetic: Path, repository: Repository) -> None:
    strict = Repository({"default": arithmetic}, check_method_names=True)

    assert (
        Code.INTERNAL,
        "Expected prediction signature method_name to be one of {tensorflow/serving/predict, "
        "tensorflow/serving/classify, tensorflow/serving/regress}. Was: ",
    ) == refusal(predict, strict, request("__saved_model_init_op"))
    code, _ = refusal(predict, repository, request("__saved_model_init_op"))
    assert Code.INVALID_ARGUMENT == code


def test_a_tensor_that_cannot_be_read(repository: Repository) -> None:
    message = request("multiply", rows=[[1.0, 2.0, 3.0]])
    message.inputs["rows"].tensor_content = b"odd"

    assert (Code.INVALID_ARGUMENT, "tensor parsing error: rows") == refusal(predict, repository, message)


def metadata_request(*fields: str) -> get_model_metadata_pb2.GetModelMetadataRequest:
    return get_model_metadata_pb2.GetModelMetadataRequest(model_spec={"name": "default"}, metadata_field=fields)


def metadata(
    repository: Repository, message: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    return get_model_metadata(repository, message, RequestRecord(api="GetModelMetadata", entrypoint="GRPC"))


def test_metadata_is_that_of_the_file(repository: Repository, arithmetic: Path) -> None:
    saved_model = saved_model_pb2.SavedModel.FromString((arithmetic / "3" / "saved_model.pb").read_bytes())

    answer = metadata(repository, metadata_request("signature_def"))

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert dict(saved_model.meta_graphs[0].signature_def) == dict(signatures.signature_def)
    assert ("default", 3, "") == (
        answer.model_spec.name,
        answer.model_spec.version.value,
        answer.model_spec.signature_name,
    )


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (get_model_metadata_pb2.GetModelMetadataRequest(), Code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (
            metadata_request(),
            Code.INVALID_ARGUMENT,
            "GetModelMetadataRequest must specify at least one metadata_field",
        ),
        (metadata_request("weights"), Code.INVALID_ARGUMENT, "Metadata field %s is not supportedweights"),
        (
            get_model_metadata_pb2.GetModelMetadataRequest(model_spec={"name": "M"}, metadata_field=["signature_def"]),
            Code.NOT_FOUND,
            "Servable not found for request: Latest(M)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_metadata_refusals(
    repository: Repository, message: get_model_metadata_pb2.GetModelMetadataRequest, code: Code, text: str
) -> None:
    assert (code, text) == refusal(metadata, repository, message)
