"""TensorFlow Serving's PredictionService on the gRPC port: status codes here, answers in the core."""

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

from rnnzoo.serving.server.calls import inference
from rnnzoo.serving.server.calls.classification import classify
from rnnzoo.serving.server.calls.multi_inference import multi_infer
from rnnzoo.serving.server.calls.regression import regress
from rnnzoo.serving.server.calls.tensor_contents import pack_contents
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation.observing import Observed
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.status import StatusError

__all__ = ["PredictionService", "abort", "add_to", "answer"]

_Request = TypeVar("_Request")
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MOST_MESSAGE_BYTES = 1024


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

        async def predict(record: RequestRecord) -> predict_pb2.PredictResponse:
            response = await self._core.predict(request, timeout, record)
            return pack_contents(response) if self._core.settings.enable_serialization_as_tensor_content else response

        return await answer(self._core, context, "Predict", request, predict)

    async def GetModelMetadata(  # noqa: N802 - the protocol's name
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        async def metadata(record: RequestRecord) -> get_model_metadata_pb2.GetModelMetadataResponse:
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
        compute: Callable[[Repository, _Request, float | None, RequestRecord], Any],
    ) -> Any:
        timeout = context.time_remaining()

        async def infer(record: RequestRecord) -> Any:
            return await self._core.infer(compute, request, timeout, record)

        return await answer(self._core, context, api, request, infer)


async def answer(
    core: Core,
    context: grpc.aio.ServicerContext[Any, Any],
    api: str,
    request: Any,
    compute: Callable[[RequestRecord], Awaitable[Any]],
) -> Any:
    """What `compute` returns; an error ends the call with its status.

    Args:
        core: whose observer is told.
        context: of the call.
        api: the name of the call.
        request: its message.
        compute: the answer, from the request's record.
    """
    try:
        with Observed(core.observer, api, "GRPC") as record:
            record.request, record.response = request, await compute(record)
            return record.response
    except StatusError as error:
        return await abort(context, error.code, error.message)


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
