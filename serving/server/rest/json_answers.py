"""Answers as JSON, byte by byte as RapidJSON's PrettyWriter lays them out in TensorFlow Serving."""

import base64
from collections.abc import Mapping

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import classification_pb2, regression_pb2

from rnnzoo.serving.server.rest.json_numbers import decimal_texts
from rnnzoo.serving.server.rest.json_requests import Layout
from rnnzoo.serving.server.rest.json_values import type_name
from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.tensors import decode_tensor

__all__ = ["classification_answer", "error_answer", "predict_answer", "regression_answer"]

_ESCAPES = {code: f"\\u{code:04X}" for code in range(32)} | {
    ord(plain): escaped
    for plain, escaped in zip('"\\\b\f\n\r\t', ('\\"', "\\\\", "\\b", "\\f", "\\n", "\\r", "\\t"), strict=True)
}
_DECIMALS = (np.dtype(np.float32), np.dtype(np.float64))


def predict_answer(outputs: Mapping[str, tensor_pb2.TensorProto], layout: Layout) -> bytes:
    """The body that answers a `:predict`: `predictions`, one a row, or `outputs`, one a tensor.

    A single output goes without its name. Text goes out as it is; that of outputs whose name ends in `_bytes` as
    `{"b64": …}`.

    Raises:
        StatusError: INVALID_ARGUMENT, where outputs have no rows, or not the same number, or a type that JSON lacks.
    """
    if not outputs:
        raise StatusError(Code.INVALID_ARGUMENT, "Cannot convert empty tensor map to JSON")
    tensors = dict(sorted(outputs.items()))
    text = _by_rows(tensors) if layout is Layout.ROWS else _by_columns(tensors)
    return text.encode(errors="surrogateescape")


def classification_answer(result: classification_pb2.ClassificationResult) -> bytes:
    """The body that answers a `:classify`: for each example a list of labels with their scores.

    Raises:
        StatusError: INVALID_ARGUMENT if there are none.
    """
    if not result.classifications:
        raise StatusError(Code.INVALID_ARGUMENT, "Cannot convert empty ClassificationResults to JSON")
    rows = []
    for classifications in result.classifications:
        scores = decimal_texts(np.array([each.score for each in classifications.classes], np.float32))
        pairs = zip(classifications.classes, scores, strict=True)
        rows.append(f"[{', '.join(f'[{_quoted(each.label)}, {score}]' for each, score in pairs)}]")
    return f'{{\n    "results": [{", ".join(rows)}\n    ]\n}}'.encode()


def regression_answer(result: regression_pb2.RegressionResult) -> bytes:
    """The body that answers a `:regress`: a number for each example.

    Raises:
        StatusError: INVALID_ARGUMENT if there are none.
    """
    if not result.regressions:
        raise StatusError(Code.INVALID_ARGUMENT, "Cannot convert empty RegressionResults to JSON")
    values = decimal_texts(np.array([each.value for each in result.regressions], np.float32))
    return f'{{\n    "results": [{", ".join(values)}]\n}}'.encode()


def error_answer(message: str) -> bytes:
    """The body of a refusal.

    >>> error_answer("Missing ModelSpec").decode().split("\\n")
    ['{', '    "error": "Missing ModelSpec"', '}']
    """
    return f'{{\n    "error": {_quoted(message)}\n}}'.encode(errors="replace")


def _by_rows(tensors: Mapping[str, tensor_pb2.TensorProto]) -> str:
    named = len(tensors) > 1
    columns: dict[str, list[str]] = {}
    rows = -1
    for name, tensor in tensors.items():
        shape = _sizes(tensor)
        if not shape:
            raise StatusError(Code.INVALID_ARGUMENT, f"Tensor name: {name} has no shape information ")
        if rows >= 0 and rows != shape[0]:
            raise StatusError(
                Code.INVALID_ARGUMENT,
                f"Tensor name: {name} has inconsistent batch size: {shape[0]} expecting: {rows}",
            )
        rows = shape[0]
        elements = _elements(name, tensor, depth=(3 if named else 2) + len(shape) - 1)
        size = len(elements) // rows if rows else 0
        columns[name] = [_in_one_line(elements[row * size : (row + 1) * size], shape[1:]) for row in range(rows)]
    if not rows:
        return '{\n    "predictions": []\n}'
    if not named:
        (items,) = columns.values()
        # The first row goes on the line of the bracket, the closing one on its own: PrettyWriter's own doing.
        return f'{{\n    "predictions": [{", ".join(items)}\n    ]\n}}'
    objects = []
    for row in range(rows):
        members = ",\n".join(f"            {_quoted(name)}: {texts[row]}" for name, texts in columns.items())
        objects.append(f"        {{\n{members}\n        }}")
    return '{\n    "predictions": [\n' + ",\n".join(objects) + "\n    ]\n}"


def _by_columns(tensors: Mapping[str, tensor_pb2.TensorProto]) -> str:
    depth = 2 if len(tensors) > 1 else 1
    texts = {}
    for name, tensor in tensors.items():
        shape = _sizes(tensor)
        texts[name] = _in_lines(_elements(name, tensor, depth + len(shape)), shape, depth)
    if len(tensors) == 1:
        return f'{{\n    "outputs": {texts.popitem()[1]}\n}}'
    members = ",\n".join(f"        {_quoted(name)}: {text}" for name, text in texts.items())
    return f'{{\n    "outputs": {{\n{members}\n    }}\n}}'


def _in_one_line(elements: list[str], shape: list[int]) -> str:
    if not shape:
        return elements[0]
    if len(shape) == 1:
        return f"[{', '.join(elements)}]"
    size = len(elements) // shape[0] if shape[0] else 0
    parts = (_in_one_line(elements[part * size : (part + 1) * size], shape[1:]) for part in range(shape[0]))
    return f"[{', '.join(parts)}]"


def _in_lines(elements: list[str], shape: list[int], depth: int) -> str:
    if not shape:
        return elements[0]
    if not shape[0]:
        return "[]"
    size = len(elements) // shape[0]
    parts = (_in_lines(elements[part * size : (part + 1) * size], shape[1:], depth + 1) for part in range(shape[0]))
    inside, outside = "\n" + "    " * (depth + 1), "\n" + "    " * depth
    return f"[{inside}{f',{inside}'.join(parts)}{outside}]"


def _elements(name: str, tensor: tensor_pb2.TensorProto, depth: int) -> list[str]:
    """The texts of a tensor's elements; `depth` counts the brackets around them."""
    array = decode_tensor(tensor).ravel()
    if tensor.dtype == types_pb2.DT_STRING:
        if name.endswith("_bytes"):
            inside, outside = "\n" + "    " * (depth + 1), "\n" + "    " * depth
            return [f'{{{inside}"b64": "{base64.b64encode(value).decode()}"{outside}}}' for value in array]
        return [_quoted(value.decode(errors="surrogateescape")) for value in array]
    if tensor.dtype in (types_pb2.DT_HALF, types_pb2.DT_BFLOAT16):
        return decimal_texts(array.astype(np.float32))
    if array.dtype in _DECIMALS:
        return decimal_texts(array)
    if array.dtype == np.bool_:
        return ["true" if value else "false" for value in array.tolist()]
    if array.dtype.kind in "iu":
        return list(map(str, array.tolist()))
    raise StatusError(Code.INVALID_ARGUMENT, f"Failed to write JSON value for tensor type: {type_name(tensor.dtype)}")


def _sizes(tensor: tensor_pb2.TensorProto) -> list[int]:
    return [axis.size for axis in tensor.tensor_shape.dim]


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'
