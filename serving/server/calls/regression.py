"""Regress: tf.Examples in, a number for each out.

The checks, their order and their messages are those of regression_service.cc and regressor.cc.
"""

from collections.abc import Mapping

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import regression_pb2

from rnnzoo.serving.server.calls.examples import ExampleCall, shape_text, type_text
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["REGRESS", "regress", "regression_fetches", "regressions"]

REGRESS = "tensorflow/serving/regress"
_OUTPUTS = "outputs"


def regression_fetches(signature: meta_graph_pb2.SignatureDef, check_method_name: bool) -> list[str]:
    """The one tensor to fetch for a regression.

    Raises:
        StatusError: if the signature is none of a regression.
    """
    if check_method_name and signature.method_name != REGRESS:
        raise invalid(f"Expected regression signature method_name to be {REGRESS}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise StatusError(Code.FAILED_PRECONDITION, f"No regression inputs found in SignatureDef: {signature}")
    if _OUTPUTS not in signature.outputs:
        raise StatusError(Code.FAILED_PRECONDITION, f"No regression outputs found in SignatureDef: {signature}")
    return [signature.outputs[_OUTPUTS].name]


def regressions(
    signature: meta_graph_pb2.SignatureDef, count: int, arrays: Mapping[str, np.ndarray]
) -> regression_pb2.RegressionResult:
    """The result for `count` examples, from the fetched tensors by name: (examples,) or (examples, 1).

    Raises:
        StatusError: if the model answers in another shape or type.
    """
    array = arrays[signature.outputs[_OUTPUTS].name]
    if array.ndim not in (1, 2) or array.shape[1:] not in ((), (1,)):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got " + shape_text(array)
        )
    if array.shape[0] != count:
        raise invalid(f"Input batch size did not match output batch size: {count} vs. {array.shape[0]}")
    if type_text(array) != "DT_FLOAT":
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {type_text(array)}")
    result = regression_pb2.RegressionResult()
    for value in array.ravel().tolist():
        result.regressions.add(value=value)
    return result


regress: ExampleCall[regression_pb2.RegressionRequest, regression_pb2.RegressionResponse] = ExampleCall(
    regression_fetches, regressions, regression_pb2.RegressionResponse
)
"""Answers a RegressionRequest."""
