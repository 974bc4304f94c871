"""TensorFlow Serving's PredictionService on the gRPC port: status codes and threads here, answers in inference.py."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.server import inference
from rnnzoo.serving.server.repository import Repository
from rnnzoo.serving.server.status import StatusError

__all__ = ["PredictionService"]

_Answer = TypeVar("_Answer")
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MOST_MESSAGE_BYTES = 1024
_log = logging.getLogger(__name__)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; Classify, Regress and MultiInference answer UNIMPLEMENTED.

    Args:
        repository: the loaded models.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def Predict(  # noqa: N802 - the protocol's name
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        timeout = context.time_remaining()
        return _answer(context, lambda: inference.predict(self._repository, request, timeout))

    def GetModelMetadata(  # noqa: N802 - the protocol's name
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        return _answer(context, lambda: inference.get_model_metadata(self._repository, request))

    # The generated servicer raises in these three, which would print a traceback for every such call.

    def Classify(self, request: object, context: grpc.ServicerContext) -> None:  # noqa: N802
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Classify is not implemented: call Predict.")

    def Regress(self, request: object, context: grpc.ServicerContext) -> None:  # noqa: N802
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Regress is not implemented: call Predict.")

    def MultiInference(self, request: object, context: grpc.ServicerContext) -> None:  # noqa: N802
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "MultiInference is not implemented: call Predict.")


def _answer(context: grpc.ServicerContext, compute: Callable[[], _Answer]) -> _Answer | Any:
    # The one place where an error becomes a status.
    try:
        return compute()
    except StatusError as error:
        return context.abort(_STATUS_CODES.get(error.code, grpc.StatusCode.UNKNOWN), _shortened(error.message))
    except Exception as error:
        _log.exception("a request failed inside the server")
        return context.abort(grpc.StatusCode.INTERNAL, _shortened(f"{type(error).__name__}: {error}"))


def _shortened(message: str) -> str:
    """The message as TensorFlow Serving sends it: at most 1024 bytes, then `...TRUNCATED`.

    >>> _shortened("short"), len(_shortened("x" * 2000))
    ('short', 1036)
    """
    encoded = message.encode()
    if len(encoded) <= _MOST_MESSAGE_BYTES:
        return message
    return encoded[:_MOST_MESSAGE_BYTES].decode(errors="ignore") + "...TRUNCATED"
