"""Bodies of requests. The examples and the words looked for are those of TensorFlow Serving's json_tensor_test.cc."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, model_pb2, predict_pb2

from rnnzoo.serving.server.rest.json_requests import Layout, classification_request, predict_request, regression_request
from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.tensors import decode_tensor

SPEC = model_pb2.ModelSpec(name="model")


def signature(defaults: tuple[str, ...] = (), **types: tf.DType) -> meta_graph_pb2.SignatureDef:
    made = meta_graph_pb2.SignatureDef()
    for alias, dtype in types.items():
        made.inputs[alias].dtype = dtype.as_datatype_enum
    for alias in defaults:
        made.defaults[alias].dtype = types[alias].as_datatype_enum
    return made


def parse(body: str | bytes, made: meta_graph_pb2.SignatureDef) -> tuple[predict_pb2.PredictRequest, Layout]:
    body = body.encode() if isinstance(body, str) else body
    return predict_request(body, SPEC, lambda name: made)


def tensor(text: str) -> tensor_pb2.TensorProto:
    return text_format.Parse(text, tensor_pb2.TensorProto())


def refusal(call: Callable[[], object]) -> StatusError:
    with pytest.raises(StatusError) as caught:
        call()
    return caught.value


def outcome_of(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except StatusError as error:
        return error


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        (
            '{"instances": [[1,2],[3,4],[5,6]]}',
            tf.int32,
            "dtype: DT_INT32 tensor_shape { dim { size: 3 } dim { size: 2 } } int_val: [1, 2, 3, 4, 5, 6]",
        ),
        (
            '{"instances": [1, 2.0, 3, 4, 5.003, 0.007, 0.0]}',
            tf.float32,
            "dtype: DT_FLOAT tensor_shape { dim { size: 7 } } float_val: [1, 2, 3, 4, 5.003, 0.007, 0]",
        ),
        (
            '{"instances": [1.0, 2, 3, 4, 0.662, 0, 0.0]}',
            tf.float64,
            "dtype: DT_DOUBLE tensor_shape { dim { size: 7 } } double_val: [1, 2, 3, 4, 0.662, 0, 0]",
        ),
        (
            '{"instances": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}',
            tf.string,
            'dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: ["hello", "world"]',
        ),
        (
            '{"instances": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}',
            tf.string,
            'dtype: DT_STRING tensor_shape { dim { size: 2 } dim { size: 1 } } string_val: ["hello", "world"]',
        ),
        (
            '{"instances": [{"default": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}]}',
            tf.string,
            "dtype: DT_STRING tensor_shape { dim { size: 1 } dim { size: 2 } dim { size: 1 } } "
            'string_val: ["hello", "world"]',
        ),
        (
            '{"inputs": {"default": [[[1,2],[3,4],[5,6]]]}}',
            tf.int32,
            "dtype: DT_INT32 tensor_shape { dim { size: 1 } dim { size: 3 } dim { size: 2 } } "
            "int_val: [1, 2, 3, 4, 5, 6]",
        ),
        (
            '{"inputs": [[[1,2],[3,4],[5,6]]]}',
            tf.int32,
            "dtype: DT_INT32 tensor_shape { dim { size: 1 } dim { size: 3 } dim { size: 2 } } "
            "int_val: [1, 2, 3, 4, 5, 6]",
        ),
        ('{"inputs": {"b64": "aGVsbG8="}}', tf.string, 'dtype: DT_STRING tensor_shape {} string_val: "hello"'),
        ('{"inputs": []}', tf.float32, "dtype: DT_FLOAT tensor_shape { dim { size: 0 } }"),
        ('{"inputs": true}', tf.bool, "dtype: DT_BOOL tensor_shape {} bool_val: true"),
        ('{"inputs": 4294967295}', tf.uint32, "dtype: DT_UINT32 tensor_shape {} uint32_val: 4294967295"),
        (
            '{"inputs": [NaN, Inf, -Infinity]}',
            tf.float32,
            "dtype: DT_FLOAT tensor_shape { dim { size: 3 } } float_val: [nan, inf, -inf]",
        ),
    ],
)
def test_bodies_become_the_tensors_that_tensorflow_serving_makes(body: str, dtype: tf.DType, expected: str) -> None:
    request, layout = parse(body, signature(default=dtype))

    assert str(tensor(expected)) == str(request.inputs["default"])
    assert (Layout.ROWS if "instances" in body else Layout.COLUMNS) is layout


def test_several_named_tensors_in_rows_and_in_columns() -> None:
    types = {"ints": tf.int32, "texts": tf.string, "floats": tf.float32, "doubles": tf.float64}
    rows, _ = parse(
        """{"instances": [
             {"ints": [[1,2],[3,4]], "texts": ["foo", "bar"], "floats": [1.0, NaN], "doubles": [NaN]},
             {"ints": [[7,8],[9,0]], "texts": ["baz", "bat"], "floats": [2.0, Infinity], "doubles": [2.0]}]}""",
        signature(**types),
    )
    columns, _ = parse(
        """{"inputs": {"ints": [[[1,2],[3,4]],[[7,8],[9,0]]], "texts": [["foo", "bar"], ["baz", "bat"]],
             "floats": [[1.0, NaN], [2.0, Infinity]], "doubles": [[NaN], [2.0]], "more": "is passed over"}}""",
        signature(**types),
    )

    for alias in types:
        assert str(rows.inputs[alias]) == str(columns.inputs[alias])
    np.testing.assert_array_equal([[1, np.nan], [2, np.inf]], decode_tensor(rows.inputs["floats"]))
    np.testing.assert_array_equal([[b"foo", b"bar"], [b"baz", b"bat"]], decode_tensor(rows.inputs["texts"]))


def test_the_signature_name_and_the_models_spec_pass_on() -> None:
    asked = []
    request, _ = predict_request(
        b'{"signature_name": "predict_images", "instances": [[1, 2]]}',
        SPEC,
        lambda name: asked.append(name) or signature(default=tf.int32),
    )

    assert ["predict_images"] == asked
    assert ("model", "predict_images") == (request.model_spec.name, request.model_spec.signature_name)


def test_inputs_with_defaults_may_be_left_out() -> None:
    made = signature(("seed",), text=tf.string, seed=tf.int32)

    assert ["text"] == list(parse('{"instances": ["once"]}', made)[0].inputs)
    assert ["text"] == list(parse('{"inputs": ["once"]}', made)[0].inputs)
    assert ["seed", "text"] == sorted(parse('{"instances": [{"text": "once", "seed": 3}]}', made)[0].inputs)
    ragged = refusal(lambda: parse('{"instances": [{"text": "a"}, {"text": "b", "seed": 1}]}', made))
    assert "Failed to process element: 1 of 'instances' list." in ragged.message


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        ("", tf.int32, "JSON Parse error: The document is empty"),
        ("[1]", tf.int32, "JSON Value: [\n    1\n] Is not object"),
        ("{}", tf.int32, "Missing 'inputs' or 'instances' key"),
        ('{"signature_name": 5, "instances": [1]}', tf.int32, "'signature_name' key must be a string value."),
        ('{"instances": [1], "inputs": [1]}', tf.int32, "Not formatted correctly expecting only one of 'inputs' or"),
        ('{"instances": 5}', tf.int32, "Excepting 'instances' to be an list/array"),
        ('{"instances": []}', tf.int32, "No values in 'instances' array"),
        (
            '{"instances": [[1,2],[3,4],[5,6,7]]}',
            tf.int32,
            "Failed to process element: 2 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but "
            "got: 3",
        ),
        ('{"instances": [[1,2],[3,4],[[5,6]]]}', tf.int32, "Expecting shape [2] but got: [1,2]"),
        ('{"instances": [1, [1]]}', tf.int32, "Expecting shape [] but got: [1]"),
        (
            '{"instances": [[1,2],["a", "b"]]}',
            tf.int32,
            'JSON Value: "a" Type: String is not of expected type: int32',
        ),
        ('{"instances": [1.0]}', tf.int32, "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        ('{"instances": [2147483648]}', tf.int32, "is not of expected type: int32"),
        ('{"instances": [true]}', tf.float32, "JSON Value: true Type: True is not of expected type: float"),
        ('{"instances": [null]}', tf.string, "JSON Value: null Type: Null is not of expected type: string"),
        ('{"instances": [1]}', tf.bool, "Type: Number is not of expected type: bool"),
        ('{"instances": [1.7976931348623157e308]}', tf.float32, "to float without loss of precision."),
        (
            '{"instances": [16777217]}',
            tf.float32,
            "Cannot convert JSON value: 16777217 to float without loss of precision.",
        ),
        ('{"instances": [9007199254740993]}', tf.float64, "to double without loss of precision."),
        ('{"inputs": [[1, 2], 3]}', tf.int32, "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at"),
        ('{"inputs": [1, [2]]}', tf.int32, "Encountered list at unexpected level: 1 expected < 1"),
        ('{"inputs": [[1, 2], [3]]}', tf.int32, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ('{"inputs": {"other": 1}}', tf.int32, "Missing named input: default in 'inputs' object."),
        ('{"instances": [{"b64": "a"}]}', tf.string, "Unable to base64 decode"),
        ('{"instances": [[{"b64": 5}]]}', tf.string, "not formatted correctly for base64 data"),
        ('{"instances": [["baz"], {"default": ["bat"]}]}', tf.string, "Expecting value/list but got object at item 1"),
        ('{"instances": [{"default": 1}, [1]]}', tf.int32, "Expecting object but got list at item 1 of input list"),
        (
            '{"instances": [{"other": 1}]}',
            tf.int32,
            "Failed to process element: 0 key: other of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does "
            "not have named input: other",
        ),
        ('{"instances": [{}]}', tf.int32, "of 'instances' list. JSON object: {} keys must be equal to: default"),
        ("[" * 100_000, tf.int32, "nested too deeply"),
        ('{"inputs": ' + "[" * 600 + "]" * 600 + "}", tf.int32, "at most 254 dimensions"),
    ],
)
def test_refusals_in_tensorflow_servings_words(body: str, dtype: tf.DType, expected: str) -> None:
    error = refusal(lambda: parse(body, signature(default=dtype)))

    assert Code.INVALID_ARGUMENT == error.code
    assert expected in error.message


def test_what_a_signature_cannot_take_from_json() -> None:
    assert Code.UNIMPLEMENTED == refusal(lambda: parse('{"inputs": 1}', signature(default=tf.float16))).code
    assert (
        "Failed to get input map for signature: DEFAULT" == refusal(lambda: parse('{"inputs": 1}', signature())).message
    )
    several = signature(a=tf.int32, b=tf.int32)
    assert "instances is a plain list" in refusal(lambda: parse('{"instances": [1]}', several)).message
    assert "inputs is a plain value/list" in refusal(lambda: parse('{"inputs": [1]}', several)).message
    assert "keys must be equal to: a,b" in refusal(lambda: parse('{"instances": [{"a": 1}]}', several)).message


@pytest.mark.parametrize(
    ("body", "words", "offset"),
    [
        # What RapidJSON itself says of these, word for word.
        (b"   ", "The document is empty.", 3),
        (b'{"a": [1, 2', "Missing a comma or ] after an array element.", 11),
        (b'{"a": [1} ]', "Missing a comma or ] after an array element.", 8),
        (b'{"a": 1', "Missing a comma or } after an object member.", 7),
        (b'{"a": "[" 1', "Missing a comma or } after an object member.", 10),
        (b'{"a"', "Missing a colon after a name of object member.", 4),
        (b'{"a": 1, }', "Missing a name for object member.", 9),
        (b"{1: 2}", "Missing a name for object member.", 1),
        (b'{"a": [1, ]}', "Invalid value.", 10),
        (b'{"a": trve}', "Invalid value.", 8),
        (b'{"a": -}', "Invalid value.", 7),
        (b'{"a": 1.}', "Miss fraction part in number.", 8),
        (b'{"a": 1e}', "Miss exponent in number.", 8),
        (b'{"a": "b', "Missing a closing quotation mark in string.", 8),
        (b'{"a": "\\q"}', "Invalid escape character in string.", 7),
        (b'{"a": "\\u12"}', "Incorrect hex digit after \\u escape in string.", 7),
        (b'{"a": "\\ud800"}', "The surrogate pair in string is invalid.", 7),
        (b'{"a": 1} x', "The document root must not be followed by other values.", 9),
        ('{"ä": [1, 2'.encode(), "Missing a comma or ] after an array element.", 12),
    ],
)
def test_broken_json_is_refused_in_rapidjsons_words(body: bytes, words: str, offset: int) -> None:
    error = refusal(lambda: parse(body, signature(default=tf.string)))

    assert f"JSON Parse error: {words} at offset: {offset}" == error.message


def test_numbers_beyond_a_double_and_broken_utf_8_are_refused() -> None:
    for body in (b'{"inputs": 1e400}', b'{"inputs": %s}' % (b"9" * 5000)):
        error = refusal(lambda body=body: parse(body, signature(default=tf.float64)))
        assert "Number too big to be stored in double." in error.message
    error = refusal(lambda: parse(b'{"inputs": "\xff"}', signature(default=tf.string)))
    assert "JSON Parse error: Invalid encoding in string. at offset: 12" == error.message


def test_a_long_value_is_not_sent_back_whole() -> None:
    error = refusal(lambda: parse(json.dumps({"instances": 5, "text": "x" * 10**6}), signature(default=tf.string)))

    assert len(error.message) < 2000


EXAMPLES = """{
  "signature_name": "custom_signature",
  "context": {"query": "pizza", "location": ["sfo"]},
  "examples": [
    {"names": ["foo", "bar"], "ratings": [8.0, 9.0, NaN, Infinity], "age": 20},
    {"names": ["baz", {"b64": "aGVsbG8="}], "ratings": 6.0, "intboolmix": [1, true, false]},
    {"names": "bar", "ratings": -Infinity}
  ]}"""


@pytest.mark.parametrize("read", [classification_request, regression_request])
def test_examples_with_a_context(
    read: Callable[[bytes, model_pb2.ModelSpec], classification_pb2.ClassificationRequest],
):
    request = read(EXAMPLES.encode(), SPEC)

    assert "custom_signature" == request.model_spec.signature_name
    listed = request.input.example_list_with_context
    assert [b"pizza"] == list(listed.context.features.feature["query"].bytes_list.value)
    first, second, third = (example.features.feature for example in listed.examples)
    assert [b"foo", b"bar"] == list(first["names"].bytes_list.value)
    assert [20] == list(first["age"].int64_list.value)
    assert math.isnan(first["ratings"].float_list.value[2])
    assert [1, 1, 0] == list(second["intboolmix"].int64_list.value)
    assert [b"baz", b"hello"] == list(second["names"].bytes_list.value)
    assert [-math.inf] == list(third["ratings"].float_list.value)


def test_examples_without_a_context() -> None:
    request = classification_request(b'{"examples": [{"age": 20}, {}]}', SPEC)

    expected = example_pb2.Example()
    expected.features.feature["age"].int64_list.value.append(20)
    assert input_pb2.ExampleList(examples=[expected, example_pb2.Example()]) == request.input.example_list


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"signature_name": ["hello"], "examples": [{}]}', "'signature_name' key must be a string"),
        ('{"context": [{"names": ["foo"]}]}', "Example must be JSON object but got JSON Array"),
        ('{"context": {}}', "When method is classify, key 'examples' is expected and was not found"),
        ('{"examples": {"names": ["foo"]}}', "Expecting 'examples' value to be an list/array"),
        ('{"examples": []}', "'examples' value is an empty array"),
        ('{"examples": [[{"names": ["foo"]}]]}', "Example must be JSON object but got JSON Array"),
        ('{"examples": [{"names": [10, null]}]}', "Feature: names has element with unexpected JSON type: Null"),
        ('{"examples": [{"names": [10, 10.0]}]}', "Unexpected element type in feature: names expecting type: int64"),
        ('{"examples": [{"names": [10, {"test": 10}]}]}', "names has element with unexpected JSON type: Object"),
        ('{"examples": [{"names": [[10], 20]}]}', "names has element with unexpected JSON type: Array"),
        ('{"examples": [{"names": [20, 18446744073709551603]}]}', "Only int64 is supported"),
        ('{"examples": [{"names": 1.7976931348623157e308}]}', "loss of precision"),
    ],
)
def test_refused_examples(body: str, expected: str) -> None:
    error = refusal(lambda: classification_request(body.encode(), SPEC))

    assert Code.INVALID_ARGUMENT == error.code
    assert expected in error.message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(VALUES, st.sampled_from([tf.float32, tf.float64, tf.int32, tf.int64, tf.uint8, tf.string, tf.bool, tf.float16]))
def test_any_value_is_a_tensor_or_refused(value: object, dtype: tf.DType) -> None:
    outcome = outcome_of(lambda: parse(json.dumps({"inputs": value}), signature(default=dtype)))

    if isinstance(outcome, StatusError):
        assert outcome.code in (Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)
    else:
        array = decode_tensor(outcome[0].inputs["default"])
        assert np.shape(np.array(value, dtype=object)) == array.shape or 0 in array.shape


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0189.eE+-naNtrue \n', max_size=60).map(str.encode))
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    for read in (lambda: parse(body, signature(default=tf.string)), lambda: classification_request(body, SPEC)):
        outcome = outcome_of(read)
        assert not isinstance(outcome, StatusError) or Code.INVALID_ARGUMENT == outcome.code


@pytest.mark.parametrize("last", ["3", "Inf"])
def test_the_first_of_members_with_the_same_name_counts(last: str) -> None:
    request, _ = parse(f'{{"instances": [1, 2], "instances": [{last}]}}', signature(x=tf.float32))

    assert [1.0, 2.0] == list(request.inputs["x"].float_val)
