"""tf.Example inputs of Classify, Regress and MultiInference, and what those calls share.

The checks and their messages are those of tensorflow_serving/servables/tensorflow/util.cc.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, model_pb2, regression_pb2

from rnnzoo.serving.server.inference import lease
from rnnzoo.serving.server.observation import Record
from rnnzoo.serving.server.repository import Repository
from rnnzoo.serving.server.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError

__all__ = [
    "DEFAULT_SIGNATURE",
    "ask_about_examples",
    "leased",
    "refused",
    "resolved",
    "run_on_examples",
    "serialized_examples",
    "shape_text",
    "type_text",
]

DEFAULT_SIGNATURE = "serving_default"


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
        raise refused("Input is empty.")
    array = np.empty(len(examples), dtype=object)
    array[:] = [context + example.SerializeToString() for example in examples]
    return array


def run_on_examples(
    servable: Servable,
    given: input_pb2.Input,
    signature: meta_graph_pb2.SignatureDef,
    fetches: Sequence[str],
    timeout: float | None,
    record: Record | None,
) -> tuple[int, list[np.ndarray]]:
    """How many examples a request holds, and the tensors `fetches` for them; count and times are written down.

    Raises:
        StatusError: if there is no example, the model takes no text, or an op fails.
    """
    asked = time.perf_counter()
    examples = serialized_examples(given)
    info = signature.inputs["inputs"]
    if info.dtype != types_pb2.DT_STRING:
        wanted = types_pb2.DataType.Name(info.dtype).removeprefix("DT_").lower()
        raise refused(f"Expects arg[0] to be {wanted} but string is provided")
    began = time.perf_counter()
    arrays = servable.run({info.name: examples}, fetches, timeout)
    if record is not None:
        record.rows = len(examples)
        record.parse += began - asked
        record.compute += time.perf_counter() - began
    return len(examples), [np.asarray(array) for array in arrays]


@contextmanager
def leased(
    repository: Repository,
    request: classification_pb2.ClassificationRequest | regression_pb2.RegressionRequest,
    record: Record | None,
) -> Iterator[Servable]:
    """The model that a Classify or Regress request names, while the block runs; its names are written down.

    Raises:
        StatusError: if the request names none, or none that is served.
    """
    if not request.HasField("model_spec"):
        raise refused("Missing ModelSpec")
    with lease(repository, request.model_spec, record) as servable:
        if record is not None:
            record.signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        yield servable


def ask_about_examples(
    servable: Servable,
    spec: model_pb2.ModelSpec,
    given: input_pb2.Input,
    fetches_of: Callable[[meta_graph_pb2.SignatureDef], list[str]],
    timeout: float | None,
    record: Record | None,
) -> tuple[meta_graph_pb2.SignatureDef, int, dict[str, np.ndarray]]:
    """The signature that a request names, how many examples it holds, and the fetched tensors by name.

    Args:
        servable: the model.
        spec: names the signature; `serving_default` if it names none.
        given: the examples.
        fetches_of: the tensors that answer the call, from its signature.
        timeout: seconds that the run may take; no limit if None.
        record: where the rows and the times are written, if given.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    name = spec.signature_name or DEFAULT_SIGNATURE
    if name not in servable.signatures:
        raise refused(f"No signature was found with the name: {name}")
    signature = servable.signatures[name]
    fetches = fetches_of(signature)
    count, arrays = run_on_examples(servable, given, signature, fetches, timeout, record)
    return signature, count, dict(zip(fetches, arrays, strict=True))


def resolved(servable: Servable, spec: model_pb2.ModelSpec) -> model_pb2.ModelSpec:
    """The model, version and signature that answered, as a response says it."""
    told = model_pb2.ModelSpec(name=spec.name, signature_name=spec.signature_name or DEFAULT_SIGNATURE)
    told.version.value = servable.version
    return told


def refused(message: str, code: Code = Code.INVALID_ARGUMENT) -> StatusError:
    """The error of a request that is not in order."""
    return StatusError(code, message)


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
