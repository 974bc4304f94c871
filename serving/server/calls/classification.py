"""Classify: tf.Examples in, labels and scores out.

The checks, their order and their messages are those of classification_service.cc and classifier.cc.
"""

from collections.abc import Mapping

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2

from rnnzoo.serving.server.calls.examples import ExampleCall, shape_text, type_text
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["CLASSIFY", "classification_fetches", "classifications", "classify"]

CLASSIFY = "tensorflow/serving/classify"
_CLASSES, _SCORES = "classes", "scores"


def classification_fetches(signature: meta_graph_pb2.SignatureDef, check_method_name: bool) -> list[str]:
    """The tensors to fetch for a classification: `classes`, `scores`, or both.

    Raises:
        StatusError: if the signature is none of a classification.
    """
    if check_method_name and signature.method_name != CLASSIFY:
        raise invalid(f"Expected classification signature method_name to be {CLASSIFY}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        raise StatusError(Code.FAILED_PRECONDITION, f"No classification inputs found in SignatureDef: {signature}")
    fetches = [signature.outputs[alias].name for alias in (_CLASSES, _SCORES) if alias in signature.outputs]
    if not fetches:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f'Expected classification signature outputs to contain at least one of "{_CLASSES}" or "{_SCORES}". '
            f"Signature was: {signature}",
        )
    return fetches


def classifications(
    signature: meta_graph_pb2.SignatureDef, count: int, arrays: Mapping[str, np.ndarray]
) -> classification_pb2.ClassificationResult:
    """The result for `count` examples.

    Args:
        signature: of the classification.
        count: how many examples were asked about.
        arrays: the fetched tensors by name, each (examples, classes).

    Raises:
        StatusError: if the model answers in other shapes or types.
    """
    classes = _checked(signature, _CLASSES, "STRING", count, arrays)
    scores = _checked(signature, _SCORES, "FLOAT", count, arrays)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    result = classification_pb2.ClassificationResult()
    for row in range(count):
        answers = result.classifications.add().classes
        for column in range((scores if classes is None else classes).shape[1]):  # type: ignore[union-attr]
            answer = answers.add()
            if classes is not None:
                answer.label = _text(classes[row, column])
            if scores is not None:
                answer.score = scores[row, column]
    return result


def _checked(
    signature: meta_graph_pb2.SignatureDef, alias: str, wanted: str, count: int, arrays: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    if alias not in signature.outputs:
        return None
    array = arrays[signature.outputs[alias].name]
    if array.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(array)}")
    if type_text(array) != f"DT_{wanted}":
        raise invalid(f"Expected {alias} Tensor of DT_{wanted}. Got: {type_text(array)}")
    if array.shape[0] != count:
        raise invalid(f"Expected {alias} output batch size of {count}. Got: {array.shape[0]}")
    return array


def _text(label: bytes) -> str:
    try:
        return label.decode()
    except UnicodeDecodeError as error:  # a label is a protobuf string, which is UTF-8
        raise StatusError(Code.INTERNAL, f"a label must be UTF-8, but the model answers {label!r}.") from error


classify: ExampleCall[classification_pb2.ClassificationRequest, classification_pb2.ClassificationResponse] = (
    ExampleCall(classification_fetches, classifications, classification_pb2.ClassificationResponse)
)
"""Answers a ClassificationRequest."""
