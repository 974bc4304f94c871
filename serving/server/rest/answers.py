"""What the REST API answers to each of its calls; HTTP itself is left to rest.py."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from rnnzoo.serving.server.calls.classification import classify
from rnnzoo.serving.server.calls.inference import DEFAULT_SIGNATURE, get_model_metadata, lease
from rnnzoo.serving.server.calls.model_management import get_model_status
from rnnzoo.serving.server.calls.regression import regress
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.version_states import State
from rnnzoo.serving.server.rest.json_answers import classification_answer, predict_answer, regression_answer
from rnnzoo.serving.server.rest.json_requests import classification_request, predict_request, regression_request
from rnnzoo.serving.server.rest.urls import RestQuestion
from rnnzoo.serving.server.status import StatusError, invalid

__all__ = ["Answer", "answer_prediction", "answer_question"]

_Result = TypeVar("_Result")
_MOST_BYTES_IN_LOOP = 2**16  # larger bodies are read and written in a thread: tens of milliseconds and more
_SIGNATURE_DEF = "signature_def"


@dataclass(frozen=True)
class Answer:
    """A body, and the messages it was made from, for the request log."""

    body: bytes
    request: Any = None
    response: Any = None


async def answer_prediction(
    core: Core, question: RestQuestion, body: bytes, timeout: float | None, record: RequestRecord
) -> Answer:
    """Answers `:predict`, `:classify` or `:regress`.

    Args:
        core: what runs the models.
        question: of the URL.
        body: of the request.
        timeout: seconds from the request's beginning; no limit if None.
        record: of this request.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    if question.method == "predict":
        return await _predict(core, question, body, timeout, record)
    if question.method == "classify":
        asked = await _read(core, body, record, lambda: classification_request(body, question.spec))
        classified = await core.infer(classify, asked, _left(timeout, record), record)
        return Answer(classification_answer(classified.result), asked, classified)
    asking = await _read(core, body, record, lambda: regression_request(body, question.spec))
    regressed = await core.infer(regress, asking, _left(timeout, record), record)
    return Answer(regression_answer(regressed.result), asking, regressed)


def answer_question(core: Core, question: RestQuestion) -> bytes:
    """Answers the GET calls: the status or the metadata of a model, or the list of all.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    if question.method == "list":
        return _listed(core)
    if question.method == "status":
        states = get_model_status(core.repository, get_model_status_pb2.GetModelStatusRequest(model_spec=question.spec))
        return _json(states, preserving_proto_field_name=False).encode()
    metadata = get_model_metadata(
        core.repository,
        get_model_metadata_pb2.GetModelMetadataRequest(model_spec=question.spec, metadata_field=[_SIGNATURE_DEF]),
        RequestRecord(api="GetModelMetadata", entrypoint="REST"),  # which nobody is told of
    )
    signatures = get_model_metadata_pb2.SignatureDefMap()
    metadata.metadata[_SIGNATURE_DEF].Unpack(signatures)
    # Put together from two as TensorFlow Serving does it, line breaks and all.
    return (
        f'{{\n"model_spec":{_json(metadata.model_spec)},\n"metadata": {{"{_SIGNATURE_DEF}": {_json(signatures)}}}\n}}\n'
    ).encode()


async def _predict(
    core: Core, question: RestQuestion, body: bytes, timeout: float | None, record: RequestRecord
) -> Answer:
    def signature_of(name: str) -> meta_graph_pb2.SignatureDef:
        key = name or DEFAULT_SIGNATURE
        with lease(core.repository, question.spec, record) as servable:
            if key not in servable.signatures:
                raise invalid(f'Serving signature name: "{key}" not found in signature def')
            return servable.signatures[key]

    request, layout = await _read(core, body, record, lambda: predict_request(body, question.spec, signature_of))
    response = await core.predict(request, _left(timeout, record), record)
    began = time.perf_counter()
    large = response.ByteSize() > _MOST_BYTES_IN_LOOP
    answer = await core.in_thread_if(large, lambda: predict_answer(response.outputs, layout))
    record.reply += time.perf_counter() - began
    return Answer(answer, request, response)


async def _read(core: Core, body: bytes, record: RequestRecord, read: Callable[[], _Result]) -> _Result:
    began = time.perf_counter()
    result = await core.in_thread_if(len(body) > _MOST_BYTES_IN_LOOP, read)
    record.parse += time.perf_counter() - began
    return result


def _left(timeout: float | None, record: RequestRecord) -> float | None:
    return None if timeout is None else timeout - (time.perf_counter() - record.began)


def _listed(core: Core) -> bytes:
    models = []
    for name, settings in core.repository.settings.items():
        versions = [
            {
                "version": str(state.version),
                "state": State(state.state).name,
                "labels": sorted(label for label, version in settings.labels.items() if version == state.version),
            }
            for state in core.repository.states(name)
        ]
        models.append({"name": name, "versions": versions, "signatures": _signature_names(core, name)})
    return json.dumps({"models": models}, indent=1, ensure_ascii=False).encode()


def _signature_names(core: Core, name: str) -> list[str]:
    try:
        with core.repository.lease(name) as servable:
            return sorted(key for key in servable.signatures if not key.startswith("__"))
    except StatusError:  # no version answers at the moment
        return []


def _json(message: Message, preserving_proto_field_name: bool = True) -> str:
    text = json_format.MessageToJson(
        message,
        indent=1,
        preserving_proto_field_name=preserving_proto_field_name,
        always_print_fields_with_no_presence=True,
        ensure_ascii=False,
    )
    return text + "\n"
