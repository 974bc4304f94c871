"""Predict and GetModelMetadata: protocol messages in, a run of the model, protocol messages out.

Codes and messages are TensorFlow Serving's own, and so is the order of the checks (predict_util.cc,
get_model_metadata_impl.cc), so a client that reads them cannot tell the two servers apart. No transport here: gRPC
and REST both call these functions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2

from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.rest.json_values import type_name
from rnnzoo.serving.server.status import Code, StatusError, invalid
from rnnzoo.serving.tensors import decode_tensor, encode_tensor

if TYPE_CHECKING:
    from rnnzoo.serving.server.repository.repository import Repository

__all__ = ["DEFAULT_SIGNATURE", "Question", "get_model_metadata", "lease", "prepare", "reply", "resolved"]

DEFAULT_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY

_METHODS = ("tensorflow/serving/predict", "tensorflow/serving/classify", "tensorflow/serving/regress")
_SIGNATURE_DEF = "signature_def"


@dataclass(frozen=True)
class Question:
    """A request that was found to be in order.

    Attributes:
        signature_name: resolved: `serving_default` where the request names none.
        signature: what the model says of it.
        given: the aliases of the inputs that the request itself holds; the others are the signature's defaults.
        feeds: arrays by tensor name.
        aliases: the outputs to answer.
    """

    signature_name: str
    signature: meta_graph_pb2.SignatureDef
    given: frozenset[str]
    feeds: dict[str, np.ndarray]
    aliases: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows the request itself holds; 0 where its inputs do not agree."""
        sizes = {len(array) if array.ndim else 0 for array in self.given_arrays.values()}
        return sizes.pop() if len(sizes) == 1 else 0

    @property
    def given_arrays(self) -> dict[str, np.ndarray]:
        """The feeds that the request itself holds."""
        names = {self.signature.inputs[alias].name for alias in self.given}
        return {name: array for name, array in self.feeds.items() if name in names}

    @property
    def fetches(self) -> list[str]:
        """The names of the tensors behind `aliases`, in their order."""
        return [self.signature.outputs[alias].name for alias in self.aliases]


def prepare(servable: Servable, request: predict_pb2.PredictRequest, check_method_name: bool = False) -> Question:
    """From message to arrays: everything about a request that can be refused before the model runs.

    Args:
        servable: the model that is asked.
        request: for it.
        check_method_name: whether the signature's method must be one of TensorFlow Serving's; its own default.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in servable.signatures:
        raise StatusError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    signature = servable.signatures[name]
    if check_method_name:
        _check_method(signature)
    tensors = _inputs(signature, request)
    feeds = {signature.inputs[alias].name: _decode(alias, tensor) for alias, tensor in tensors.items()}
    aliases = _output_aliases(signature, request.output_filter)
    _check_types(signature, tensors)
    return Question(name, signature, frozenset(request.inputs), feeds, tuple(aliases))


def reply(servable: Servable, question: Question, arrays: Sequence[np.ndarray]) -> predict_pb2.PredictResponse:
    """From arrays, in the order of `question.aliases`, to the message."""
    response = predict_pb2.PredictResponse(model_spec=resolved(servable, question.signature_name))
    for alias, array in zip(question.aliases, arrays, strict=True):
        encode_tensor(np.asarray(array), response.outputs[alias])
    return response


def get_model_metadata(
    repository: "Repository",
    request: get_model_metadata_pb2.GetModelMetadataRequest,
    record: RequestRecord,
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a model, as its `saved_model.pb` has them.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    if not request.metadata_field:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != _SIGNATURE_DEF:
            # The "%s" is TensorFlow Serving's own: it appends where it means to format.
            raise invalid(f"Metadata field %s is not supported{field}")
    with lease(repository, request.model_spec, record) as servable:
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
        response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=resolved(servable))
    response.metadata[_SIGNATURE_DEF].Pack(signatures)
    return response


def resolved(servable: Servable, signature_name: str = "") -> model_pb2.ModelSpec:
    """The model, version and signature that answered, as a response says it."""
    spec = model_pb2.ModelSpec(name=servable.name, signature_name=signature_name)
    spec.version.value = servable.version
    return spec


@contextmanager
def lease(repository: "Repository", spec: model_pb2.ModelSpec, record: RequestRecord) -> Iterator[Servable]:
    """The model that a ModelSpec means; it stays loaded until the context ends.

    Args:
        repository: the loaded models.
        spec: from a request.
        record: of that request, which then knows the model whatever becomes of the request.

    Raises:
        StatusError: if there is none.
    """
    version = spec.version.value if spec.HasField("version") else None
    label = spec.version_label if spec.HasField("version_label") else None
    with repository.lease(spec.name, version, label) as servable:
        record.model_name, record.model_version = servable.name, servable.version
        yield servable


def _check_method(signature: meta_graph_pb2.SignatureDef) -> None:
    if signature.method_name not in _METHODS:
        raise StatusError(
            Code.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(_METHODS)}}}. "
            f"Was: {signature.method_name}",
        )


def _inputs(
    signature: meta_graph_pb2.SignatureDef, request: predict_pb2.PredictRequest
) -> dict[str, tensor_pb2.TensorProto]:
    given, expected = set(request.inputs), set(signature.inputs)
    if len(given) > len(expected) or (len(given) < len(expected) and not signature.defaults):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(expected)} len({_set(given)}) != "
            f"len({_set(expected)}). Sent extra: {_set(given - expected)}. "
            f"Missing but required: {_set(expected - given)}."
        )
    tensors = {}
    for alias in sorted(expected):
        if alias in given:
            tensors[alias] = request.inputs[alias]
        elif alias in signature.defaults:
            tensors[alias] = signature.defaults[alias]
        else:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {signature.inputs[alias].name}) not found in request and "
                f"no default value provided. Inputs expected to be in the request {_set(given)}, or default input "
                f"alias set: {','.join(sorted(signature.defaults))}"
            )
    if given - expected:
        raise invalid(
            f"Inputs contains invalid name. Used request inputs: {','.join(sorted(given & expected))}, request input: "
            f"{','.join(sorted(given))}"
        )
    return tensors


def _decode(alias: str, tensor: tensor_pb2.TensorProto) -> np.ndarray:
    try:
        return decode_tensor(tensor)
    except (ValueError, MemoryError) as error:
        raise invalid(f"tensor parsing error: {alias}") from error


def _output_aliases(signature: meta_graph_pb2.SignatureDef, output_filter: Sequence[str]) -> list[str]:
    for index, alias in enumerate(output_filter):
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{_set(signature.outputs)}."
            )
        if alias in output_filter[:index]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return list(output_filter) or sorted(signature.outputs)


def _check_types(signature: meta_graph_pb2.SignatureDef, tensors: Mapping[str, tensor_pb2.TensorProto]) -> None:
    # TensorFlow's session numbers its arguments in the order of the names of the tensors that are fed.
    for position, alias in enumerate(sorted(tensors, key=lambda alias: signature.inputs[alias].name)):
        wanted, given = signature.inputs[alias].dtype, tensors[alias].dtype
        if wanted != given:
            raise invalid(f"Expects arg[{position}] to be {type_name(wanted)} but {type_name(given)} is provided")


def _set(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
