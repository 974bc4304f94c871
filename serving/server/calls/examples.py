"""tf.Example inputs of Classify, Regress and MultiInference, and what those calls share.

The checks and their messages are those of tensorflow_serving/servables/tensorflow/util.cc.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import tensorflow as tf
from google.protobuf.message import Message
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from rnnzoo.serving.server.calls.inference import DEFAULT_SIGNATURE, lease, resolved
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.rest.json_values import type_name
from rnnzoo.serving.server.status import invalid

__all__ = ["ExampleCall", "run_on_examples", "serialized_examples", "shape_text", "type_text"]

_Request = TypeVar("_Request", classification_pb2.ClassificationRequest, regression_pb2.RegressionRequest)
_Response = TypeVar("_Response", bound=Message)


def serialized_examples(given: input_pb2.Input) -> np.ndarray:
    """The examples of a request as the string tensor that `tf.io.parse_example` takes: an object array of (examples,).

    A context is put before each example, which protobuf reads as the two merged.

    Raises:
        StatusError: if there is no example.

    >>> serialized_examples(input_pb2.Input())
    Traceback (most recent call last):
        ...
    rnnzoo.serving.server.status.StatusError: Input is empty.
    """
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        examples = given.example_list_with_context.examples
    else:
        context, examples = b"", given.example_list.examples
    if not examples:
        raise invalid("Input is empty.")
    array = np.empty(len(examples), dtype=object)
    array[:] = [context + example.SerializeToString() for example in examples]
    return array


def run_on_examples(
    servable: Servable,
    given: input_pb2.Input,
    signature: meta_graph_pb2.SignatureDef,
    fetches: Sequence[str],
    timeout: float | None,
    record: RequestRecord,
) -> tuple[int, list[np.ndarray]]:
    """How many examples a request holds, and the tensors `fetches` for them; count and times are written down.

    Raises:
        StatusError: if there is no example, the model takes no text, or an op fails.
    """
    asked = time.perf_counter()
    examples = serialized_examples(given)
    info = signature.inputs["inputs"]
    if info.dtype != types_pb2.DT_STRING:
        raise invalid(f"Expects arg[0] to be {type_name(info.dtype)} but string is provided")
    began = time.perf_counter()
    arrays = servable.run({info.name: examples}, fetches, timeout)
    record.rows = len(examples)
    record.parse += began - asked
    record.compute += time.perf_counter() - began
    return len(examples), [np.asarray(array) for array in arrays]


@dataclass(frozen=True)
class ExampleCall(Generic[_Request, _Response]):
    """Classify or Regress, which differ in these.

    Attributes:
        fetches_of: the tensors that answer, from a signature, and whether that must have been made for this call.
        result_of: the result, from the signature, the number of examples, and the fetched tensors by name.
        response: the message around it.
    """

    fetches_of: Callable[[meta_graph_pb2.SignatureDef, bool], list[str]]
    result_of: Callable[[meta_graph_pb2.SignatureDef, int, Mapping[str, np.ndarray]], Message]
    response: Callable[..., _Response]

    def __call__(
        self, repository: Repository, request: _Request, timeout: float | None, record: RequestRecord
    ) -> _Response:
        """Answers a request.

        Args:
            repository: the loaded models.
            request: model, signature (`serving_default` if it names none) and examples.
            timeout: seconds that the run may take; no limit if None.
            record: where the times and what was resolved are written.

        Raises:
            StatusError: as TensorFlow Serving would refuse the request.
        """
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        with lease(repository, request.model_spec, record) as servable:
            record.signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            return self.of(servable, request, timeout, record, repository.check_method_names)

    def of(
        self,
        servable: Servable,
        request: _Request,
        timeout: float | None,
        record: RequestRecord,
        check_method_name: bool = False,
    ) -> _Response:
        """The same, of a model in hand; `check_method_name` demands that the signature was made for this call.

        Raises:
            StatusError: as TensorFlow Serving would refuse the request.
        """
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in servable.signatures:
            raise invalid(f"No signature was found with the name: {name}")
        signature = servable.signatures[name]
        fetches = self.fetches_of(signature, check_method_name)
        count, arrays = run_on_examples(servable, request.input, signature, fetches, timeout, record)
        result = self.result_of(signature, count, dict(zip(fetches, arrays, strict=True)))
        return self.response(result=result, model_spec=resolved(servable, name))


def shape_text(array: np.ndarray) -> str:
    """A shape as TensorFlow's C++ prints it.

    >>> shape_text(np.zeros((2, 3)))
    '[2,3]'
    """
    return "[" + ",".join(str(size) for size in array.shape) + "]"


def type_text(array: np.ndarray) -> str:
    """A type as TensorFlow's C++ prints it.

    >>> type_text(np.zeros(2, np.float32)), type_text(np.array([b"text"], object))
    ('DT_FLOAT', 'DT_STRING')
    """
    return types_pb2.DataType.Name(tf.as_dtype(array.dtype).as_datatype_enum)
