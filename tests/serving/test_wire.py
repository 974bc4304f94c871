"""Messages that were never compiled are the compiled ones on the wire."""

import pytest
from google.protobuf.message import Message
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2

from rnnzoo.serving.protocol import messages
from rnnzoo.serving.wire import declare

COMPILED: list[type[Message]] = [
    tensor_pb2.TensorProto,
    meta_graph_pb2.TensorInfo,
    meta_graph_pb2.SignatureDef,
    model_pb2.ModelSpec,
    predict_pb2.PredictRequest,
    predict_pb2.PredictResponse,
    get_model_metadata_pb2.GetModelMetadataRequest,
    get_model_metadata_pb2.GetModelMetadataResponse,
    get_model_metadata_pb2.SignatureDefMap,
]


@pytest.mark.parametrize("compiled", COMPILED, ids=lambda message: message.DESCRIPTOR.name)
def test_fields_have_the_numbers_and_types_of_the_protocol(compiled: type[Message]) -> None:
    declared = messages[compiled.DESCRIPTOR.name].DESCRIPTOR

    for field in declared.fields:
        original = compiled.DESCRIPTOR.fields_by_name[field.name]
        enum_as_integer = original.type == original.TYPE_ENUM and field.type == field.TYPE_INT32
        assert original.number == field.number
        assert original.is_repeated == field.is_repeated
        assert original.type == field.type or enum_as_integer


def test_a_request_means_the_same_to_both() -> None:
    request = messages["PredictRequest"](output_filter=["words"])
    request.model_spec.name = "default"
    request.model_spec.version.value = 3
    request.inputs["text"].dtype = 7
    request.inputs["text"].string_val.append(b"once")

    read = predict_pb2.PredictRequest.FromString(request.SerializeToString())

    assert ("default", 3) == (read.model_spec.name, read.model_spec.version.value)
    assert [b"once"] == list(read.inputs["text"].string_val)
    assert ["words"] == list(read.output_filter)
    assert request == messages["PredictRequest"].FromString(read.SerializeToString())


def test_declarations_do_not_meet() -> None:
    first = declare("message Same { int32 number = 1; }")["Same"]
    second = declare("message Same { string text = 1; }")["Same"]

    assert ["number"] == [field.name for field in first.DESCRIPTOR.fields]
    assert ["text"] == [field.name for field in second.DESCRIPTOR.fields]
