"""MultiInference: several classifications and regressions of the same tf.Examples in one run of the model.

The checks, their order and their messages are those of multi_inference_helper.cc and multi_inference.cc.
"""

from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import inference_pb2, model_pb2

from rnnzoo.serving.server.calls.classification import CLASSIFY, classification_fetches, classifications
from rnnzoo.serving.server.calls.examples import run_on_examples
from rnnzoo.serving.server.calls.inference import DEFAULT_SIGNATURE, lease, resolved
from rnnzoo.serving.server.calls.regression import REGRESS, regression_fetches, regressions
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["multi_infer", "multi_infer_with"]


def multi_infer(
    repository: Repository,
    request: inference_pb2.MultiInferenceRequest,
    timeout: float | None,
    record: RequestRecord,
) -> inference_pb2.MultiInferenceResponse:
    """Answers a MultiInferenceRequest.

    Args:
        repository: the loaded models.
        request: the tasks, each with a model, a signature and a method, and the examples they share.
        timeout: seconds that the run may take; no limit if None.
        record: where the times and what was resolved are written.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    with lease(repository, spec, record) as servable:
        return multi_infer_with(servable, request, timeout, record, repository.check_method_names)


def multi_infer_with(
    servable: Servable,
    request: inference_pb2.MultiInferenceRequest,
    timeout: float | None,
    record: RequestRecord,
    check_method_name: bool = False,
) -> inference_pb2.MultiInferenceResponse:
    """The same, of a model in hand; `check_method_name` demands that the signatures were made for their methods.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    signatures, fetches = _signatures(servable, request, check_method_name)
    signature = next(iter(signatures.values()))
    count, values = run_on_examples(servable, request.input, signature, fetches, timeout, record)
    arrays = dict(zip(fetches, values, strict=True))
    response = inference_pb2.MultiInferenceResponse()
    for task in request.tasks:
        signature = signatures[_name(task)]
        result = response.results.add(model_spec=resolved(servable, _name(task)))
        if task.method_name == CLASSIFY:
            result.classification_result.CopyFrom(classifications(signature, count, arrays))
        else:
            result.regression_result.CopyFrom(regressions(signature, count, arrays))
    return response


def _signatures(
    servable: Servable, request: inference_pb2.MultiInferenceRequest, check_method_name: bool
) -> tuple[dict[str, meta_graph_pb2.SignatureDef], list[str]]:
    # One task after the other, each with all of its checks: the order decides which mistake is told.
    signatures: dict[str, meta_graph_pb2.SignatureDef] = {}
    fetches: set[str] = set()
    inputs: set[str] = set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = _name(task)
        if name in signatures:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        if name not in servable.signatures:
            raise invalid(f"Requested signature not found in model graph: {name}")
        signatures[name] = servable.signatures[name]
        fetches.update(_fetches(task, signatures[name], check_method_name))
        inputs.add(signatures[name].inputs["inputs"].name)
        if len(inputs) > 1:
            raise invalid("Input tensor must be the same for all Signatures.")
    return signatures, sorted(fetches)


def _name(task: inference_pb2.InferenceTask) -> str:
    return task.model_spec.signature_name or DEFAULT_SIGNATURE


def _fetches(
    task: inference_pb2.InferenceTask, signature: meta_graph_pb2.SignatureDef, check_method_name: bool
) -> list[str]:
    if task.method_name == CLASSIFY:
        return classification_fetches(signature, check_method_name)
    if task.method_name == REGRESS:
        return regression_fetches(signature, check_method_name)
    raise StatusError(Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
