"""NumPy arrays to and from `TensorProto`, field by field as TensorFlow's C++ does it, without TensorFlow.

`tf.make_tensor_proto` packs arrays into `tensor_content`, which a server answers only when it is asked to, and
`tf.make_ndarray` refuses some lists that the C++ accepts: both ends of the wire need the plain rules.
"""

import math
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["decode_tensor", "encode_tensor", "utf8", "varint"]

# `DataType` of tensorflow/core/framework/types.proto: its number, the NumPy type, the list of `TensorProto` it fills.
_TYPES = (
    (1, np.dtype(np.float32), "float_val"),
    (2, np.dtype(np.float64), "double_val"),
    (3, np.dtype(np.int32), "int_val"),
    (4, np.dtype(np.uint8), "int_val"),
    (5, np.dtype(np.int16), "int_val"),
    (6, np.dtype(np.int8), "int_val"),
    (7, np.dtype(object), "string_val"),
    (8, np.dtype(np.complex64), "scomplex_val"),
    (9, np.dtype(np.int64), "int64_val"),
    (10, np.dtype(np.bool_), "bool_val"),
    (14, np.dtype(ml_dtypes.bfloat16), "half_val"),
    (17, np.dtype(np.uint16), "int_val"),
    (18, np.dtype(np.complex128), "dcomplex_val"),
    (19, np.dtype(np.float16), "half_val"),
    (22, np.dtype(np.uint32), "uint32_val"),
    (23, np.dtype(np.uint64), "uint64_val"),
)
_BY_NUMBER = {number: (dtype, field) for number, dtype, field in _TYPES}
_BY_DTYPE = {dtype: (number, field) for number, dtype, field in _TYPES}
# A packed list of these is on the wire what it is in memory (little-endian): field tag, length, bytes.
_WIRE_TAGS = {"float_val": b"\x2a", "double_val": b"\x32", "scomplex_val": b"\x4a", "dcomplex_val": b"\x62"}
_PARTS = {"scomplex_val": np.float32, "dcomplex_val": np.float64}
_MOST_BYTES = 2**31 - 1  # of one tensor: the most that a message could carry
_MOST_FILLED_BYTES = 2**26  # what a few values may be repeated to: a short message must not take all memory
_MOST_AXES = 254


def encode_tensor(array: np.ndarray, message: Any) -> None:
    """Writes an array of any shape into an empty `TensorProto`, one value per element.

    Args:
        array: an array; strings as an object array of `bytes` (or `str`, written as UTF-8) or as a NumPy string array,
            which has lost the zero bytes at the end of each.
        message: the `TensorProto` to fill, of whichever protobuf package.

    Raises:
        TypeError: for a type that `TensorProto` does not carry.

    >>> from rnnzoo.serving.protocol import messages
    >>> tensor = messages["TensorProto"]()
    >>> encode_tensor(np.array([["the", "game"]]), tensor)
    >>> [axis.size for axis in tensor.tensor_shape.dim], list(tensor.string_val)
    ([1, 2], [b'the', b'game'])
    """
    if array.dtype.kind in "US":
        array = array.astype(object)
    native = array.dtype.newbyteorder("=")
    if native not in _BY_DTYPE:
        raise TypeError(f"a tensor must hold numbers, booleans or text, but got {array.dtype=}.")
    message.dtype, field = _BY_DTYPE[native]
    message.tensor_shape.SetInParent()  # a scalar has a shape too, an empty one
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if field in _WIRE_TAGS:
        raw = np.ascontiguousarray(array, dtype=native.newbyteorder("<")).tobytes()
        if raw:
            message.MergeFromString(_WIRE_TAGS[field] + varint(len(raw)) + raw)
    elif field == "string_val":
        values = array.ravel().tolist()
        # A server's answers are bytes already: looking at each value anew is most of the time that they take.
        message.string_val.extend(values if set(map(type, values)) == {bytes} else map(utf8, values))
    elif field == "half_val":
        message.half_val.extend(np.ascontiguousarray(array, dtype=native).view(np.uint16).ravel().tolist())
    else:
        getattr(message, field).extend(array.ravel().tolist())


def decode_tensor(message: Any) -> np.ndarray:
    """The array in a `TensorProto`: from `tensor_content` where there is one, from the typed list otherwise.

    A list that is shorter than the shape repeats its last value, an empty one means zeros, a longer one is cut: that
    is TensorFlow's own reading, but for a bound on what is repeated.

    Returns:
        An array of the tensor's shape; strings as an object array of `bytes`.

    Raises:
        ValueError: if shape, type and contents do not go together.

    >>> from rnnzoo.serving.protocol import messages
    >>> short = messages["TensorProto"](dtype=1, float_val=[1.0, 2.0])
    >>> short.tensor_shape.dim.add(size=4).size
    4
    >>> decode_tensor(short)
    array([1., 2., 2., 2.], dtype=float32)
    """
    if message.dtype not in _BY_NUMBER:
        raise ValueError(f"a tensor's dtype must be one that carries values, but got {message.dtype=}.")
    dtype, field = _BY_NUMBER[message.dtype]
    shape = tuple(axis.size for axis in message.tensor_shape.dim)
    count = math.prod(shape)
    if message.tensor_shape.unknown_rank or len(shape) > _MOST_AXES or any(size < 0 for size in shape):
        raise ValueError(f"a tensor's shape must be known in full, but got {shape=}.")
    if count * dtype.itemsize > _MOST_BYTES:
        raise ValueError(f"a tensor must not be larger than {_MOST_BYTES} bytes, but got {shape=} of {dtype}.")
    if count == 0:
        return np.empty(shape, dtype=dtype)
    if message.tensor_content:
        return _from_content(message.tensor_content, dtype, count).reshape(shape)
    return _from_list(getattr(message, field), field, dtype, count).reshape(shape)


def _from_content(content: bytes, dtype: np.dtype, count: int) -> np.ndarray:
    if dtype.hasobject:
        return _strings_from_content(content, count)
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"tensor_content must hold {count} values of {dtype}, but got {len(content)} bytes.")
    return np.frombuffer(content, dtype=dtype.newbyteorder("<")).astype(dtype)


def _from_list(values: Any, field: str, dtype: np.dtype, count: int) -> np.ndarray:
    if field == "string_val":
        given = np.empty(min(len(values), count), dtype=object)
        given[:] = values[: len(given)]
    elif field == "half_val":
        given = np.array(values, dtype=np.int64).astype(np.uint16).view(dtype)
    elif field in _PARTS:
        parts = np.array(values, dtype=_PARTS[field])
        given = parts[: len(parts) // 2 * 2].view(dtype)
    else:
        given = np.array(values, dtype=np.int64 if field == "int_val" else dtype).astype(dtype)
    if len(given) >= count:
        return given[:count]
    if count * dtype.itemsize > _MOST_FILLED_BYTES:
        raise ValueError(f"a list must not be filled up to more than {_MOST_FILLED_BYTES} bytes, but got {count=}.")
    array = np.empty(count, dtype=dtype)
    array[: len(given)] = given
    array[len(given) :] = given[-1] if len(given) else (b"" if dtype.hasobject else 0)
    return array


def _strings_from_content(content: bytes, count: int) -> np.ndarray:
    # The lengths of all strings as varints, then the strings themselves.
    lengths, position = [], 0
    for _ in range(count):
        length = shift = 0
        while True:
            if position >= len(content) or shift > 28:
                raise ValueError(f"tensor_content must hold the lengths of {count} strings, but got {content[:20]!r}.")
            byte = content[position]
            position, length, shift = position + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError(f"tensor_content must hold {sum(lengths)} bytes of text, but got {len(content) - position}.")
    array = np.empty(count, dtype=object)
    for index, length in enumerate(lengths):
        array[index], position = content[position : position + length], position + length
    return array


def utf8(value: object) -> bytes:
    """A text as the bytes that travel.

    Raises:
        ValueError: if it is no Unicode.
        TypeError: if it is no text.
    """
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"text must be Unicode without lone surrogates, but got {value!r}.") from None
    if isinstance(value, bytes):
        return value
    raise TypeError(f"a tensor of text must hold str or bytes only, but got {value!r}.")


def varint(value: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the low ones first.

    >>> varint(300).hex()
    'ac02'
    """
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
