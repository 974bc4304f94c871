"""Bodies of answers. The examples are those of TensorFlow Serving's json_tensor_test.cc and its documentation."""

import base64
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import classification_pb2, regression_pb2

from rnnzoo.serving.server.rest.json_answers import (
    classification_answer,
    error_answer,
    predict_answer,
    regression_answer,
)
from rnnzoo.serving.server.rest.json_requests import Layout
from rnnzoo.serving.server.status import StatusError
from rnnzoo.serving.tensors import encode_tensor

INTS = [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 0], [1, 2]]]
SEVERAL = {
    "int_tensor": tf.constant(INTS),
    "str_tensor": tf.constant([["foo", "bar"], ["baz", "bat"]]),
    "float_tensor": tf.constant([[1.0], [2.0]]),
    "double_scalar_tensor": tf.constant([8.0, 9.0], tf.float64),
    "str_tensor_bytes": tf.constant([["hello", "world"], ["tf", "serving"]]),
}


def tensors(**values: object) -> dict[str, tensor_pb2.TensorProto]:
    made = {}
    for name, value in values.items():
        made[name] = tensor_pb2.TensorProto()
        encode_tensor(tf.convert_to_tensor(value).numpy(), made[name])
    return made


def test_one_output_goes_without_its_name() -> None:
    outputs = tensors(int_tensor=INTS)

    assert {"predictions": INTS} == json.loads(predict_answer(outputs, Layout.ROWS))
    assert {"outputs": INTS} == json.loads(predict_answer(outputs, Layout.COLUMNS))


def test_the_answer_of_the_documented_half_plus_two_byte_by_byte() -> None:
    expected = b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'

    assert expected == predict_answer(tensors(y=[2.5, 3.0, 4.5]), Layout.ROWS)


def test_columns_byte_by_byte() -> None:
    expected = b'{\n    "outputs": [\n        [\n            1.0,\n            2.0\n        ]\n    ]\n}'

    assert expected == predict_answer(tensors(y=[[1.0, 2.0]]), Layout.COLUMNS)


def test_several_outputs_byte_by_byte() -> None:
    expected = (
        '{\n    "predictions": [\n        {\n            "a": [1, 2],\n            "b_bytes": {\n                '
        '"b64": "aGVsbG8="\n            }\n        },\n        {\n            "a": [3, 4],\n            "b_bytes": {\n'
        '                "b64": "/w=="\n            }\n        }\n    ]\n}'
    )

    outputs = tensors(a=[[1, 2], [3, 4]], b_bytes=[b"hello", b"\xff"])
    assert expected == predict_answer(outputs, Layout.ROWS).decode()


def test_several_named_outputs() -> None:
    rows = json.loads(predict_answer(tensors(**SEVERAL), Layout.ROWS))["predictions"]
    columns = json.loads(predict_answer(tensors(**SEVERAL), Layout.COLUMNS))["outputs"]

    assert {
        "double_scalar_tensor": 8.0,
        "float_tensor": [1.0],
        "int_tensor": [[1, 2], [3, 4], [5, 6]],
        "str_tensor": ["foo", "bar"],
        "str_tensor_bytes": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}],
    } == rows[0]
    assert list(rows[0]) == list(columns) == sorted(SEVERAL)
    assert [[{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}], [{"b64": "dGY="}, {"b64": "c2VydmluZw=="}]] == columns[
        "str_tensor_bytes"
    ]


def test_decimals_have_six_digits_where_they_suffice() -> None:
    values = [[9000000.0, 999999.0, 0.5], [0.0003, 0.00003, 555557.5]]

    assert b"[[9e+06, 999999.0, 0.5], [0.0003, 3e-05, 555557.5]\n" in predict_answer(tensors(y=values), Layout.ROWS)


def test_numbers_that_json_does_not_have() -> None:
    outputs = tensors(y=[[math.nan, math.inf], [3.0, -math.inf]])

    assert b"[[NaN, Infinity], [3.0, -Infinity]\n" in predict_answer(outputs, Layout.ROWS)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_is_printed_as_the_float_that_it_is(dtype: tf.DType) -> None:
    assert b'"outputs": [\n        1.5\n' in predict_answer(tensors(y=tf.constant([1.5], dtype)), Layout.COLUMNS)


def test_empty_and_scalar_outputs() -> None:
    assert {"predictions": []} == json.loads(predict_answer(tensors(y=tf.zeros((0, 3))), Layout.ROWS))
    assert {"predictions": [[], []]} == json.loads(predict_answer(tensors(y=tf.zeros((2, 0))), Layout.ROWS))
    assert {"outputs": [[], []]} == json.loads(predict_answer(tensors(y=tf.zeros((2, 0))), Layout.COLUMNS))
    assert {"outputs": {"a": 1, "b": True}} == json.loads(predict_answer(tensors(a=1, b=True), Layout.COLUMNS))


def test_text_is_escaped_and_other_bytes_pass_as_they_are() -> None:
    answer = predict_answer(tensors(text=['\x00\x1f"\\\b\t/ä漢', b"\xff"]), Layout.ROWS)

    assert rb'"\u0000\u001F\"\\\b\t/' + "ä漢".encode() + b'", "\xff"' in answer


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"t": tf.constant([1 + 2j], tf.complex64)}, "Failed to write JSON value for tensor type: complex64"),
        ({"t": tf.constant(1)}, "Tensor name: t has no shape information "),
        ({"a": tf.zeros((2, 3)), "b": tf.zeros((1, 3))}, "Tensor name: b has inconsistent batch size: 1 expecting: 2"),
    ],
)
def test_answers_that_cannot_be_json(outputs: dict[str, tf.Tensor], expected: str) -> None:
    with pytest.raises(StatusError) as caught:
        predict_answer(tensors(**outputs), Layout.ROWS)
    assert expected == caught.value.message


def test_classification_and_regression_byte_by_byte() -> None:
    classified = text_format.Parse(
        """classifications { classes { label: "car" score: 0.2 } classes { label: "bike" score: 0.7 } }
           classifications { classes { label: "car" score: 1 } }""",
        classification_pb2.ClassificationResult(),
    )
    regressed = text_format.Parse(
        "regressions { value: 0.2 } regressions { value: inf } regressions { value: 1.0 }",
        regression_pb2.RegressionResult(),
    )

    assert b'{\n    "results": [[["car", 0.2], ["bike", 0.7]], [["car", 1.0]]\n    ]\n}' == classification_answer(
        classified
    )
    assert b'{\n    "results": [0.2, Infinity, 1.0]\n}' == regression_answer(regressed)
    with pytest.raises(StatusError, match="Cannot convert empty ClassificationResults to JSON"):
        classification_answer(classification_pb2.ClassificationResult())
    with pytest.raises(StatusError, match="Cannot convert empty RegressionResults to JSON"):
        regression_answer(regression_pb2.RegressionResult())


def test_an_errors_text_survives() -> None:
    message = 'quotes " and \\ and\nlines and 漢字'

    assert {"error": message} == json.loads(error_answer(message))


SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)


@given(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint64, np.int8, np.bool_]).flatmap(
        lambda dtype: arrays.arrays(dtype, SHAPES)
    ),
    st.sampled_from(Layout),
)
def test_numbers_read_back_are_the_same(array: np.ndarray, layout: Layout) -> None:
    message = tensor_pb2.TensorProto()
    encode_tensor(array, message)

    (values,) = json.loads(predict_answer({"y": message}, layout)).values()
    again = np.array(values, dtype=array.dtype).reshape(array.shape) if array.size else array
    np.testing.assert_array_equal(array, again)


@given(st.lists(st.text(), min_size=1), st.sampled_from(["text", "text_bytes"]))
def test_text_read_back_is_the_same(texts: list[str], name: str) -> None:
    message = tensor_pb2.TensorProto()
    encode_tensor(np.array([*texts, None], dtype=object)[:-1], message)

    values = json.loads(predict_answer({name: message}, Layout.ROWS))["predictions"]
    if name.endswith("_bytes"):
        values = [base64.b64decode(value["b64"]).decode() for value in values]
    assert texts == values
