"""The page that lists the protocol has every field and every call of it."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2,
    regression_pb2,
    status_pb2,
)
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from rnnzoo.serving.server.stock.text_protos import configuration_messages

PAGE = (Path(__file__).parents[3] / "serving" / "PROTOCOL.md").read_text(encoding="utf-8")
POLICY = file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy.DESCRIPTOR
MESSAGES: list[Descriptor] = [
    *(
        message
        for file in (
            classification_pb2,
            get_model_metadata_pb2,
            get_model_status_pb2,
            inference_pb2,
            input_pb2,
            model_pb2,
            model_server_config_pb2,
            regression_pb2,
            status_pb2,
        )
        for message in file.DESCRIPTOR.message_types_by_name.values()
    ),
    predict_pb2.PredictRequest.DESCRIPTOR,
    predict_pb2.PredictResponse.DESCRIPTOR,
    model_management_pb2.ReloadConfigRequest.DESCRIPTOR,
    model_management_pb2.ReloadConfigResponse.DESCRIPTOR,
    prediction_log_pb2.PredictionLog.DESCRIPTOR,
    POLICY,
    *POLICY.nested_types,
    *(message.DESCRIPTOR for message in configuration_messages()),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_every_field_has_a_row(message: Descriptor) -> None:
    rows = dict(re.findall(rf"^\| `{message.name}\.(\w+)` \| (\w+) \|", PAGE, flags=re.MULTILINE))

    assert {field.name for field in message.fields} == rows.keys()
    assert {"yes", "no", "better", "accepted", "ignored"} >= set(rows.values())


@pytest.mark.parametrize("file", [prediction_service_pb2, model_service_pb2], ids=lambda file: file.DESCRIPTOR.name)
def test_every_call_has_a_row(file: object) -> None:
    for service in file.DESCRIPTOR.services_by_name.values():  # type: ignore[attr-defined]
        for method in service.methods:
            assert re.search(rf"^\| `{service.full_name}/{method.name}` \| (yes|better) \|", PAGE, flags=re.MULTILINE)
