"""Regress: tf.Examples in, a number for each out.

The checks, their order and their messages are those of regression_service.cc and regressor.cc.
"""

from collections.abc import Mapping

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import regression_pb2

from rnnzoo.serving.server.examples import (
    ask_about_examples,
    leased,
    refused,
    resolved,
    shape_text,
    type_text,
)
from rnnzoo.serving.server.observation import Record
from rnnzoo.serving.server.repository import Repository
from rnnzoo.serving.server.servable import Servable
from rnnzoo.serving.server.status import Code

__all__ = ["REGRESS", "regress", "regress_with", "regression_fetches", "regressions"]

REGRESS = "tensorflow/serving/regress"
_OUTPUTS = "outputs"


def regress(
    repository: Repository,
    request: regression_pb2.RegressionRequest,
    timeout: float | None = None,
    record: Record | None = None,
) -> regression_pb2.RegressionResponse:
    """Answers a RegressionRequest.

    Args:
        repository: the loaded models.
        request: model, signature (`serving_default` if it names none) and examples.
        timeout: seconds that the run may take; no limit if None.
        record: where the times and what was resolved are written, if given.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    with leased(repository, request, record) as servable:
        return regress_with(servable, request, timeout, repository.check_method_names, record)


def regress_with(
    servable: Servable,
    request: regression_pb2.RegressionRequest,
    timeout: float | None = None,
    check_method_name: bool = False,
    record: Record | None = None,
) -> regression_pb2.RegressionResponse:
    """The same, of a model in hand; `check_method_name` demands that the signature was made for this call.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    signature, count, arrays = ask_about_examples(
        servable,
        request.model_spec,
        request.input,
        lambda signature: regression_fetches(signature, check_method_name),
        timeout,
        record,
    )
    return regression_pb2.RegressionResponse(
        result=regressions(signature, count, arrays), model_spec=resolved(servable, request.model_spec)
    )


def regression_fetches(signature: meta_graph_pb2.SignatureDef, check_method_name: bool) -> list[str]:
    """The one tensor to fetch for a regression.

    Raises:
        StatusError: if the signature is none of a regression.
    """
    if check_method_name and signature.method_name != REGRESS:
        raise refused(f"Expected regression signature method_name to be {REGRESS}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise refused("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise refused("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise refused(f"No regression inputs found in SignatureDef: {signature}", Code.FAILED_PRECONDITION)
    if _OUTPUTS not in signature.outputs:
        raise refused(f"No regression outputs found in SignatureDef: {signature}", Code.FAILED_PRECONDITION)
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
        raise refused(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got " + shape_text(array)
        )
    if array.shape[0] != count:
        raise refused(f"Input batch size did not match output batch size: {count} vs. {array.shape[0]}")
    if type_text(array) != "DT_FLOAT":
        raise refused(f"Expected output Tensor of DT_FLOAT.  Got: {type_text(array)}")
    result = regression_pb2.RegressionResult()
    for value in array.ravel().tolist():
        result.regressions.add(value=value)
    return result
