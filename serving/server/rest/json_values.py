"""JSON values to the typed lists of a TensorProto: shapes, types, and what would lose precision."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tensorflow.core.framework import tensor_pb2, types_pb2

from rnnzoo.serving.server.rest.json_reading import decode_base64_object, echo, json_type
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["Item", "feature_float", "fill_tensor", "type_name"]

_MOST_FLOAT32 = float.fromhex("0x1.fffffep+127")
_MOST_AXES = 254  # TensorFlow's own
_INT32, _UINT32, _INT64, _UINT64 = ((-(2**31), 2**31), (0, 2**32), (-(2**63), 2**63), (0, 2**64))
# The list of a TensorProto that a type fills, and the bounds of what JSON may hold for it. Smaller integers are checked
# as int32 and then wrap, as in TensorFlow Serving.
_INTEGERS: dict[int, tuple[str, tuple[int, int]]] = {
    types_pb2.DT_INT32: ("int_val", _INT32),
    types_pb2.DT_INT16: ("int_val", _INT32),
    types_pb2.DT_INT8: ("int_val", _INT32),
    types_pb2.DT_UINT8: ("int_val", _INT32),
    types_pb2.DT_INT64: ("int64_val", _INT64),
    types_pb2.DT_UINT32: ("uint32_val", _UINT32),
    types_pb2.DT_UINT64: ("uint64_val", _UINT64),
}
_NUMBERS, _WHOLE_NUMBERS = frozenset({int, float}), frozenset({int})
# The list, the largest integer that a decimal type holds exactly, its largest value.
_DECIMALS: dict[int, tuple[str, int, float]] = {
    types_pb2.DT_FLOAT: ("float_val", 2**24 - 1, _MOST_FLOAT32),
    types_pb2.DT_DOUBLE: ("double_val", 2**53 - 1, sys.float_info.max),
}


def type_name(number: int) -> str:
    """TensorFlow's short name of a DataType.

    >>> type_name(1), type_name(7)
    ('float', 'string')
    """
    return types_pb2.DataType.Name(number).removeprefix("DT_").lower()


def fill_tensor(value: Any, dtype: int, tensor: tensor_pb2.TensorProto) -> None:
    """Writes a scalar, or a list of lists without ragged ends, into an empty tensor.

    Raises:
        StatusError: INVALID_ARGUMENT for what does not fit, UNIMPLEMENTED for a type that JSON cannot say.
    """
    shape, conversion = _shape(value), _conversion(dtype)
    elements: list[Any] = []
    _collect(value, 0, shape, conversion, elements)
    _write(elements, shape, dtype, conversion.field, tensor)


class Item:
    """One input of a request in rows: the same shape in each.

    Args:
        dtype: the number of its DataType.
    """

    def __init__(self, dtype: int) -> None:
        self._dtype = dtype
        self._conversion = _conversion(dtype)
        self._elements: list[Any] = []
        self._shape: list[int] | None = None
        self._size = 0

    def add(self, value: Any) -> None:
        """Takes the value of the next row.

        Raises:
            StatusError: if it does not fit the type, or its shape is not that of the first row.
        """
        shape, before = _shape(value), len(self._elements)
        _collect(value, 0, shape, self._conversion, self._elements)
        size = len(self._elements) - before
        if self._shape is None:
            self._shape, self._size = shape, size
        elif size != self._size:
            raise invalid(f"Expecting tensor size: {self._size} but got: {size}")
        elif shape != self._shape:
            raise invalid(f"Expecting shape {_shape_text(self._shape)} but got: {_shape_text(shape)}")

    def write(self, rows: int, tensor: tensor_pb2.TensorProto) -> None:
        """Writes all rows into an empty tensor."""
        _write(self._elements, [rows, *(self._shape or [])], self._dtype, self._conversion.field, tensor)


def feature_float(value: float) -> None:
    """Checks a decimal that a tf.Example is to hold.

    Raises:
        StatusError: if it does not fit a float32.
    """
    _decimal(value, types_pb2.DT_FLOAT)


class _Conversion(NamedTuple):
    field: str  # of a TensorProto
    element: Callable[[Any], Any]  # of a value, or a refusal
    plain: Callable[[list[Any]], Sequence[Any] | None]  # all of a row at once, if there is nothing to refuse


def _conversion(dtype: int) -> _Conversion:
    if dtype in _DECIMALS:
        field, most, _ = _DECIMALS[dtype]
        return _Conversion(field, lambda value: _decimal(value, dtype), lambda row: _within(row, -most, most, _NUMBERS))
    if dtype in _INTEGERS:
        field, (low, end) = _INTEGERS[dtype]
        return _Conversion(
            field, lambda value: _integer(value, dtype), lambda row: _within(row, low, end - 1, _WHOLE_NUMBERS)
        )
    if dtype == types_pb2.DT_STRING:
        return _Conversion("string_val", _text, lambda row: None)
    if dtype == types_pb2.DT_BOOL:
        return _Conversion("bool_val", _truth, lambda row: None)
    return _Conversion("", lambda value: _not_in_json(value, dtype), lambda row: None)


def _within(row: list[Any], low: int, high: int, kinds: frozenset[type]) -> Sequence[Any] | None:
    # A NaN makes a comparison false, and so leaves the row to be looked at one by one.
    return row if row and kinds.issuperset(map(type, row)) and low <= min(row) and max(row) <= high else None


def _collect(value: Any, level: int, shape: list[int], conversion: _Conversion, elements: list[Any]) -> None:
    rank = len(shape)
    if type(value) is not list:
        if level != rank:
            raise invalid(
                f"JSON Value: {echo(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at level: "
                f"{rank}"
            )
        elements.append(conversion.element(value))
        return
    if level >= rank:
        raise invalid(f"Encountered list at unexpected level: {level} expected < {rank}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    plain = conversion.plain(value) if level == rank - 1 else None
    if plain is not None:
        elements.extend(plain)
        return
    for element in value:
        _collect(element, level + 1, shape, conversion, elements)


def _shape(value: Any) -> list[int]:
    shape = []
    while type(value) is list:
        shape.append(len(value))
        value = value[0] if value else None
    if len(shape) > _MOST_AXES:
        raise invalid(f"A tensor must have at most {_MOST_AXES} dimensions, but got {len(shape)} levels of lists.")
    return shape


def _write(elements: list[Any], shape: list[int], dtype: int, field: str, tensor: tensor_pb2.TensorProto) -> None:
    tensor.dtype = dtype
    tensor.tensor_shape.SetInParent()
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    if elements:
        getattr(tensor, field).extend(elements)


def _decimal(value: Any, dtype: int) -> float:
    if type(value) is not float and type(value) is not int:
        raise _type_error(value, dtype)
    _, most_integer, most = _DECIMALS[dtype]
    if type(value) is int and -(2**63) <= value < 2**64:
        exact = -most_integer <= value <= most_integer
    else:  # RapidJSON reads longer integers as doubles
        exact = not (most < abs(value) < float("inf"))
    if not exact:
        raise invalid(f"Cannot convert JSON value: {echo(value)} to {type_name(dtype)} without loss of precision.")
    return value


def _integer(value: Any, dtype: int) -> int:
    low, end = _INTEGERS[dtype][1]
    if type(value) is not int or not low <= value < end:
        raise _type_error(value, dtype)
    return value


def _text(value: Any) -> bytes:
    if type(value) is str:
        return value.encode()
    if type(value) is dict:
        return decode_base64_object(value)
    raise _type_error(value, types_pb2.DT_STRING)


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise _type_error(value, types_pb2.DT_BOOL)
    return value


def _not_in_json(value: Any, dtype: int) -> None:
    if type(value) is dict:
        raise _type_error(value, dtype)
    raise StatusError(Code.UNIMPLEMENTED, f"Conversion of JSON Value: {echo(value)} to type: {type_name(dtype)}")


def _type_error(value: Any, dtype: int) -> StatusError:
    return invalid(f"JSON Value: {echo(value)} Type: {json_type(value)} is not of expected type: {type_name(dtype)}")


def _shape_text(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
