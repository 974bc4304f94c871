"""Arrays and TensorProtos: what TensorFlow writes is read, and what is written TensorFlow reads."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tensorflow.core.framework import tensor_pb2, types_pb2

from rnnzoo.serving.protocol import messages
from rnnzoo.serving.tensors import decode_tensor, encode_tensor

DTYPES = [
    *(np.dtype(name) for name in ("float16", "float32", "float64", "complex64", "complex128", "bool")),
    *(np.dtype(f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
NUMBERS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))
TEXTS = arrays.arrays(object, SHAPES, elements=st.binary(max_size=200), fill=st.nothing())


def encoded(array: np.ndarray) -> tensor_pb2.TensorProto:
    message = tensor_pb2.TensorProto()
    encode_tensor(array, message)
    return message


@given(array=NUMBERS | TEXTS)
@example(array=np.array(b"\0", dtype=object))  # NumPy's own byte strings drop it
@settings(max_examples=300)
def test_tensorflow_reads_what_is_written(array: np.ndarray) -> None:
    message = encoded(array)

    assert b"" == message.tensor_content
    assert array.shape == tuple(tf.TensorShape(message.tensor_shape))
    np.testing.assert_array_equal(array, tf.make_ndarray(message))
    np.testing.assert_array_equal(array, decode_tensor(message))
    assert array.dtype == decode_tensor(message).dtype


@given(array=NUMBERS | TEXTS)
@settings(max_examples=300)
def test_what_tensorflow_writes_is_read(array: np.ndarray) -> None:
    packed = tf.make_tensor_proto(array)  # in tensor_content, above one number

    np.testing.assert_array_equal(array, decode_tensor(packed))


@given(array=NUMBERS)
@settings(max_examples=50)
def test_both_kinds_of_messages_are_alike(array: np.ndarray) -> None:
    uncompiled = messages["TensorProto"]()
    encode_tensor(array, uncompiled)

    assert encoded(array).SerializeToString() == uncompiled.SerializeToString()


def test_bfloat16() -> None:
    array = np.array([1.5, -2.0], ml_dtypes.bfloat16)

    assert types_pb2.DT_BFLOAT16 == encoded(array).dtype
    np.testing.assert_array_equal(array, decode_tensor(encoded(array)))


def test_other_byte_orders_and_strings_are_written_as_tensorflow_has_them() -> None:
    np.testing.assert_array_equal([1.0, 2.0], decode_tensor(encoded(np.array([1.0, 2.0], ">f4"))))
    assert [b"na\xc3\xafve", b""] == decode_tensor(encoded(np.array(["naïve", ""]))).tolist()
    assert [b"ends in zero\x00"] == decode_tensor(encoded(np.array([b"ends in zero\x00"], object))).tolist()


def proto(dtype: int, shape: list[int], **lists: object) -> tensor_pb2.TensorProto:
    message = tensor_pb2.TensorProto(dtype=dtype, **lists)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


@pytest.mark.parametrize(
    ("message", "values"),
    [
        pytest.param(proto(types_pb2.DT_FLOAT, [4], float_val=[1.0, 2.0]), [1.0, 2.0, 2.0, 2.0], id="short"),
        pytest.param(proto(types_pb2.DT_INT32, [3]), [0, 0, 0], id="empty"),
        pytest.param(proto(types_pb2.DT_INT64, [1], int64_val=[7, 8, 9]), [7], id="surplus"),
        pytest.param(
            proto(types_pb2.DT_COMPLEX64, [2], scomplex_val=[1.0, 2.0, 3.0]),
            [1 + 2j, 1 + 2j],
            id="half a complex number",
        ),
        pytest.param(
            proto(types_pb2.DT_BOOL, [2, 2], bool_val=[True]), [[True, True], [True, True]], id="one for all axes"
        ),
        pytest.param(proto(types_pb2.DT_STRING, [3], string_val=[b"a"]), [b"a", b"a", b"a"], id="short text"),
        pytest.param(proto(types_pb2.DT_STRING, [2]), [b"", b""], id="empty text"),
        pytest.param(proto(types_pb2.DT_STRING, [2], tensor_content=b"\x02\x00hi"), [b"hi", b""], id="packed text"),
        pytest.param(proto(types_pb2.DT_STRING, [0], string_val=[b"surplus"]), [], id="no text"),
        pytest.param(proto(types_pb2.DT_FLOAT, [0], tensor_content=b"surplus"), [], id="no number"),
        pytest.param(proto(types_pb2.DT_HALF, [2], half_val=[0x3C00]), [1.0, 1.0], id="half precision"),
    ],
)
def test_lists_that_do_not_fill_the_shape(message: tensor_pb2.TensorProto, values: list[object]) -> None:
    assert values == decode_tensor(message).tolist()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(proto(types_pb2.DT_INVALID, [1]), id="no type"),
        pytest.param(proto(types_pb2.DT_RESOURCE, [1]), id="a resource"),
        pytest.param(proto(99, [1]), id="an unknown type"),
        pytest.param(proto(types_pb2.DT_FLOAT, [-1]), id="an unknown size"),
        pytest.param(proto(types_pb2.DT_FLOAT, [2**62, 2**62]), id="more than any memory"),
        pytest.param(proto(types_pb2.DT_FLOAT, [1] * 255, float_val=[1.0]), id="more than 254 axes"),
        pytest.param(proto(types_pb2.DT_FLOAT, [2], tensor_content=b"\x00" * 7), id="short content"),
        pytest.param(proto(types_pb2.DT_STRING, [2], tensor_content=b"\x02"), id="a length too few"),
        pytest.param(proto(types_pb2.DT_STRING, [1], tensor_content=b"\x02hi!"), id="text too long"),
        pytest.param(
            proto(types_pb2.DT_STRING, [1], tensor_content=b"\xff\xff\xff\xff\xff\xff"), id="an endless length"
        ),
        pytest.param(
            tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape={"unknown_rank": True}), id="an unknown rank"
        ),
    ],
)
def test_broken_tensors_are_refused(message: tensor_pb2.TensorProto) -> None:
    with pytest.raises(ValueError, match=r"must"):
        decode_tensor(message)


def test_a_large_shape_of_one_value_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(ValueError, match=r"must not be larger than 2147483647 bytes"):
        decode_tensor(proto(types_pb2.DT_FLOAT, [2**29], float_val=[1.0]))


@pytest.mark.parametrize("array", [np.array([object()]), np.array([1, "a"], object), np.array(["2020"], "M8[Y]")])
def test_other_objects_are_refused(array: np.ndarray) -> None:
    with pytest.raises(TypeError, match=r"must hold"):
        encoded(array)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match=r"text must be Unicode without lone surrogates, but got 'a\\ud800'"):
        encoded(np.array(["a\ud800"], object))
