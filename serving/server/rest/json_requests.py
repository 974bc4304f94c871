"""JSON bodies of `:predict` to PredictRequests, and of `:classify` and `:regress` to requests with tf.Examples.

Rules, order of checks and words are those of TensorFlow Serving's json_tensor.cc.
"""

import enum
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, model_pb2, predict_pb2, regression_pb2

from rnnzoo.serving.server.rest.json_reading import decode_base64_object, echo, is_base64_object, json_type, object_of
from rnnzoo.serving.server.rest.json_values import Item, feature_float, fill_tensor
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["Layout", "classification_request", "predict_request", "regression_request"]

_Request = TypeVar(
    "_Request", predict_pb2.PredictRequest, classification_pb2.ClassificationRequest, regression_pb2.RegressionRequest
)


class Layout(enum.Enum):
    """How a body holds its tensors, and so how the answer does."""

    ROWS = "instances"
    COLUMNS = "inputs"


def predict_request(
    body: bytes, spec: model_pb2.ModelSpec, signature_of: Callable[[str], meta_graph_pb2.SignatureDef]
) -> tuple[predict_pb2.PredictRequest, Layout]:
    """The request in the body of `:predict`.

    Inputs that have a default in the signature may be left out, which TensorFlow Serving's JSON does not allow; and
    where one input is left, its values may come without a name.

    Args:
        body: JSON with `instances` or `inputs`, and perhaps `signature_name`.
        spec: the model that the URL names.
        signature_of: the signature of a name; "" stands for the default one. It may raise a StatusError.

    Returns:
        The request, and which of the two layouts it came in.

    Raises:
        StatusError: INVALID_ARGUMENT, or UNIMPLEMENTED for a type that JSON cannot say.
    """
    document = object_of(body)
    request = predict_pb2.PredictRequest(model_spec=spec)
    _fill_signature_name(document, request)
    name = request.model_spec.signature_name
    signature = signature_of(name)
    types = {alias: info.dtype for alias, info in sorted(signature.inputs.items())}
    if not types:
        raise invalid(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    required = [alias for alias in types if alias not in signature.defaults] or list(types)
    if "instances" in document and "inputs" in document:
        raise invalid(
            f"JSON Value: {echo(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' keys "
            "to exist "
        )
    if "instances" in document:
        instances = document["instances"]
        if type(instances) is not list:
            raise invalid(f"JSON Value: {echo(document)} Excepting 'instances' to be an list/array")
        if not instances:
            raise invalid(f"JSON Value: {echo(document)} No values in 'instances' array")
        _fill_from_instances(instances, types, required, request)
        return request, Layout.ROWS
    if "inputs" in document:
        _fill_from_inputs(document["inputs"], types, required, request)
        return request, Layout.COLUMNS
    raise invalid("Missing 'inputs' or 'instances' key")


def classification_request(body: bytes, spec: model_pb2.ModelSpec) -> classification_pb2.ClassificationRequest:
    """The request in the body of `:classify`: `examples`, and perhaps `context` and `signature_name`.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    return _with_examples(body, classification_pb2.ClassificationRequest(model_spec=spec))


def regression_request(body: bytes, spec: model_pb2.ModelSpec) -> regression_pb2.RegressionRequest:
    """The request in the body of `:regress`, as of `:classify`.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    return _with_examples(body, regression_pb2.RegressionRequest(model_spec=spec))


def _fill_signature_name(document: Mapping[str, Any], request: _Request) -> None:
    if "signature_name" not in document:
        return
    if type(document["signature_name"]) is not str:
        raise invalid(
            f"JSON Value: {echo(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    request.model_spec.signature_name = document["signature_name"]


def _fill_from_instances(
    instances: list[Any], types: Mapping[str, int], required: Collection[str], request: predict_pb2.PredictRequest
) -> None:
    if type(instances[0]) is not dict and len(required) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    named = _is_named(instances[0])
    items = {alias: Item(types[alias]) for alias in (instances[0] if named else list(required)[:1]) if alias in types}
    for count, instance in enumerate(instances):
        if named:
            _add_named(count, instance, items, types, required)
            continue
        if _is_named(instance):
            raise invalid(f"Expecting value/list but got object at item {count} of input list")
        for item in items.values():
            try:
                item.add(instance)
            except StatusError as error:
                raise invalid(
                    f"Failed to process element: {count} of 'instances' list. Error: {_with_code(error)}"
                ) from error
    for alias, item in items.items():
        item.write(len(instances), request.inputs[alias])


def _add_named(
    count: int, instance: Any, items: Mapping[str, Item], types: Mapping[str, int], required: Collection[str]
) -> None:
    if not _is_named(instance):
        raise invalid(f"Expecting object but got list at item {count} of input list")
    for alias, value in instance.items():
        try:
            if alias not in types:
                raise invalid(f"JSON object: does not have named input: {alias}")
            if alias in items:  # else the keys differ from the first element's: refused below
                items[alias].add(value)
        except StatusError as error:
            raise invalid(
                f"Failed to process element: {count} key: {alias} of 'instances' list. Error: {_with_code(error)}"
            ) from error
    if instance.keys() != items.keys() or not instance.keys() >= set(required):
        raise invalid(
            f"Failed to process element: {count} of 'instances' list. JSON object: {echo(instance)} keys must be equal "
            f"to: {','.join(types)}"
        )


def _fill_from_inputs(
    value: Any, types: Mapping[str, int], required: Collection[str], request: predict_pb2.PredictRequest
) -> None:
    if not _is_named(value):
        if len(required) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        (alias,) = required
        fill_tensor(value, types[alias], request.inputs[alias])
        return
    for alias, number in types.items():
        if alias in value:
            fill_tensor(value[alias], number, request.inputs[alias])
        elif alias in required:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")


def _with_examples(body: bytes, request: _Request) -> _Request:
    document = object_of(body)
    _fill_signature_name(document, request)
    listed = request.input.example_list
    if "context" in document:
        listed = request.input.example_list_with_context
        _fill_example(document["context"], listed.context)
        listed.context.SetInParent()
    if "examples" not in document:
        raise invalid(
            f"JSON Value: {echo(document)} When method is classify, key 'examples' is expected and was not found"
        )
    examples = document["examples"]
    if type(examples) is not list:
        raise invalid(f"JSON Value: {echo(document)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid(f"JSON Value: {echo(document)} 'examples' value is an empty array")
    for example in examples:
        _fill_example(example, listed.examples.add())
    return request


def _fill_example(value: Any, example: example_pb2.Example) -> None:
    if type(value) is not dict:
        raise invalid(f"Example must be JSON object but got JSON {json_type(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for element in content if type(content) is list else [content]:
            _add_to_feature(element, name, feature)


def _add_to_feature(value: Any, name: str, feature: feature_pb2.Feature) -> None:
    element: int | float | bytes
    if type(value) in (bool, int):
        kind, element = "int64_list", int(value)
    elif type(value) is float:
        kind, element = "float_list", value
    elif type(value) is str:
        kind, element = "bytes_list", value.encode()
    elif is_base64_object(value):
        kind, element = "bytes_list", decode_base64_object(value)
    else:
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")
    given = feature.WhichOneof("kind")
    if given not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {given.removesuffix('_list')}")
    if kind == "float_list":
        feature_float(value)
    elif kind == "int64_list" and not -(2**63) <= value < 2**63:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    getattr(feature, kind).value.append(element)


def _is_named(value: Any) -> bool:
    return type(value) is dict and not is_base64_object(value)


def _with_code(error: StatusError) -> str:
    return f"{Code(error.code).name}: {error.message}"
