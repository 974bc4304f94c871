"""TensorFlow Serving's PredictionService on the gRPC port: status codes here, answers in the core."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from rnnzoo.serving.server import inference
from rnnzoo.serving.server.classification import classify
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.multi_inference import multi_infer
from rnnzoo.serving.server.observation import Record
from rnnzoo.serving.server.regression import regress
from rnnzoo.serving.server.repository import Repository
from rnnzoo.serving.server.status import GONE, Code, StatusError
from rnnzoo.serving.server.tensor_contents import pack_contents

__all__ = ["PredictionService", "abort", "add_to", "answer", "failure"]

_Request = TypeVar("_Request")
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MOST_MESSAGE_BYTES = 1024
_log = logging.getLogger(__name__)


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(core), server)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference and GetModelMetadata.

    Args:
        core: what answers.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def Predict(  # noqa: N802 - the protocol's name
        self, request: predict_pb2.PredictRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> predict_pb2.PredictResponse:
        timeout = context.time_remaining()

        async def predict(record: Record | None) -> predict_pb2.PredictResponse:
            response = await self._core.predict(request, timeout, record)
            return pack_contents(response) if self._core.settings.enable_serialization_as_tensor_content else response

        return await answer(self._core, context, "Predict", request, predict)

    async def GetModelMetadata(  # noqa: N802 - the protocol's name
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        async def metadata(record: Record | None) -> get_model_metadata_pb2.GetModelMetadataResponse:
            return inference.get_model_metadata(self._core.repository, request, record)

        return await answer(self._core, context, "GetModelMetadata", request, metadata)

    async def Classify(  # noqa: N802 - the protocol's name
        self, request: classification_pb2.ClassificationRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> classification_pb2.ClassificationResponse:
        return await self._infer(context, "Classify", request, classify)

    async def Regress(  # noqa: N802 - the protocol's name
        self, request: regression_pb2.RegressionRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> regression_pb2.RegressionResponse:
        return await self._infer(context, "Regress", request, regress)

    async def MultiInference(  # noqa: N802 - the protocol's name
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> inference_pb2.MultiInferenceResponse:
        return await self._infer(context, "MultiInference", request, multi_infer)

    async def _infer(
        self,
        context: grpc.aio.ServicerContext[Any, Any],
        api: str,
        request: _Request,
        compute: Callable[[Repository, _Request, float | None, Record | None], Any],
    ) -> Any:
        timeout = context.time_remaining()

        async def infer(record: Record | None) -> Any:
            return await self._core.infer(compute, request, timeout, record)

        return await answer(self._core, context, api, request, infer)


async def answer(
    core: Core,
    context: grpc.aio.ServicerContext[Any, Any],
    api: str,
    request: Any,
    compute: Callable[[Record | None], Awaitable[Any]],
) -> Any:
    """What `compute` returns, which is the one place where an error becomes a status.

    Args:
        core: whose observer is told.
        context: of the call.
        api: the name of the call.
        request: its message.
        compute: the answer, or a StatusError; it is given the request's record, None if nobody observes.
    """
    observer = core.observer
    record = None if observer is None else observer.begin(api, "GRPC")
    try:
        response = await compute(record)
    except asyncio.CancelledError:
        if observer is not None:
            observer.finish(record, Code.CANCELLED, GONE, request)
        raise
    except Exception as error:
        code, message = failure(error)
    else:
        if observer is not None:
            observer.finish(record, 0, "", request, response)
        return response
    if observer is not None:
        observer.finish(record, code, message, request)
    return await abort(context, code, message)


def failure(error: Exception) -> tuple[int, str]:
    """The status code and the message of what was raised; what nobody meant to raise is logged."""
    if isinstance(error, StatusError):
        return error.code, error.message
    if isinstance(error, MemoryError):
        return Code.RESOURCE_EXHAUSTED, f"out of memory: {error}"
    _log.error("a request failed inside the server", exc_info=error)
    return Code.INTERNAL, f"{type(error).__name__}: {error}"


async def abort(context: grpc.aio.ServicerContext[Any, Any], code: int, message: str) -> Any:
    """Ends a call with a status, as TensorFlow Serving words it."""
    return await context.abort(_STATUS_CODES.get(code, grpc.StatusCode.UNKNOWN), _shortened(message))


def _shortened(message: str) -> str:
    """The message as TensorFlow Serving sends it: at most 1024 bytes, then `...TRUNCATED`.

    >>> _shortened("short"), len(_shortened("x" * 2000))
    ('short', 1036)
    """
    encoded = message.encode()
    if len(encoded) <= _MOST_MESSAGE_BYTES:
        return message
    return encoded[:_MOST_MESSAGE_BYTES].decode(errors="ignore") + "...TRUNCATED"
