"""Warm-up records: requests that lie beside a model and are asked before anybody else asks.

The file, its limits and its messages are TensorFlow Serving's (saved_model_warmup_util.cc).
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from rnnzoo.serving.server.calls.classification import classify
from rnnzoo.serving.server.calls.inference import prepare
from rnnzoo.serving.server.calls.multi_inference import multi_infer_with
from rnnzoo.serving.server.calls.regression import regress
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError, invalid
from rnnzoo.serving.tensors import encode_tensor

__all__ = ["WARMUP_FILE", "warm_signatures", "warm_up"]

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
_MOST_RECORDS = 1000
_SHORTEST = {"max_words": 1}  # in place of the signature's default
_log = logging.getLogger(__name__)


def warm_up(servable: Servable, iterations: int = 1) -> int:
    """Asks a servable everything in its `assets.extra/tf_serving_warmup_requests`: a TFRecord of PredictionLog.

    The models, versions and responses in the records play no part.

    Args:
        servable: a loaded version.
        iterations: how often each record is asked.

    Returns:
        How many records there were; 0 without the file.

    Raises:
        StatusError: if the file is broken or too long, or a request fails: such a version is not to be served.
    """
    path = servable.folder / WARMUP_FILE
    if not path.exists():
        return 0
    count = 0
    for record in _records(path):
        log = prediction_log_pb2.PredictionLog()
        try:
            log.ParseFromString(record)
        except DecodeError as error:
            raise invalid(f"Failed to parse warmup record: {record!r} from {path}") from error
        for _ in range(max(1, iterations)):
            _ask(servable, log)
        count += 1
        if count > _MOST_RECORDS:
            raise invalid(f"Number of warmup records exceeds the maximum ({_MOST_RECORDS}) at {path}")
    _log.info("model %s: version %d is warm, by %d records", servable.name, servable.version, count)
    return count


def warm_signatures(servable: Servable) -> None:
    """Asks each signature of one of our own exports for the answer to an empty text.

    A graph is optimized when it first runs, for half a second and more, which nobody should have to wait for after a
    reload. Of other models nobody knows what to ask.

    Raises:
        StatusError: if one fails: such a version is not to be served.
    """
    for name, signature in servable.signatures.items():
        if not signature.method_name:  # the model's own initialisation
            continue
        request = predict_pb2.PredictRequest(model_spec={"signature_name": name})
        for alias, info in signature.inputs.items():
            if alias in _SHORTEST or alias not in signature.defaults:
                value = _SHORTEST.get(alias, b"" if info.dtype == types_pb2.DT_STRING else 1)
                kind = np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype)
                encode_tensor(np.array([value], kind), request.inputs[alias])
        question = prepare(servable, request)
        servable.run(question.feeds, question.fetches)


def _records(path: Path) -> Iterator[bytes]:
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError as error:
        raise StatusError(
            Code.DATA_LOSS, f"{error.message}. Please verify your warmup data is in TFRecord format."
        ) from error


def _ask(servable: Servable, log: prediction_log_pb2.PredictionLog) -> None:
    kind, record = log.WhichOneof("log_type"), RequestRecord(api="", entrypoint="")  # which nobody is told of
    match kind:
        case "predict_log":
            question = prepare(servable, log.predict_log.request)
            servable.run(question.feeds, question.fetches)
        case "classify_log":
            classify.of(servable, log.classify_log.request, None, record)
        case "regress_log":
            regress.of(servable, log.regress_log.request, None, record)
        case "multi_inference_log":
            multi_infer_with(servable, log.multi_inference_log.request, None, record)
        case "session_run_log" | "predict_streamed_log":
            number = log.DESCRIPTOR.fields_by_name[kind].number
            raise StatusError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}")
