"""TensorFlow Serving's PredictionService on the gRPC port: status codes here, answers in the core."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.server import inference
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation import Record
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["PredictionService", "add_to", "answer"]

_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MOST_MESSAGE_BYTES = 1024
_log = logging.getLogger(__name__)


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(core), server)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; Classify, Regress and MultiInference answer UNIMPLEMENTED.

    Args:
        core: what answers.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def Predict(  # noqa: N802 - the protocol's name
        self, request: predict_pb2.PredictRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> predict_pb2.PredictResponse:
        timeout = context.time_remaining()
        return await answer(
            self._core, context, "Predict", request, lambda record: self._core.predict(request, timeout, record)
        )

    async def GetModelMetadata(  # noqa: N802 - the protocol's name
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        async def metadata(record: Record | None) -> get_model_metadata_pb2.GetModelMetadataResponse:
            return inference.get_model_metadata(self._core.repository, request)

        return await answer(self._core, context, "GetModelMetadata", request, metadata)

    # The generated servicer raises in these three, which would print a traceback for every such call.

    async def Classify(self, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: N802
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Classify is not implemented: call Predict.")

    async def Regress(self, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: N802
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Regress is not implemented: call Predict.")

    async def MultiInference(self, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: N802
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "MultiInference is not implemented: call Predict.")


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
    except StatusError as error:
        code, message = error.code, error.message
    except Exception as error:
        _log.exception("a request failed inside the server")
        code, message = Code.INTERNAL, f"{type(error).__name__}: {error}"
    else:
        if observer is not None:
            observer.finish(record, 0, "", request, response)
        return response
    if observer is not None:
        observer.finish(record, code, message, request)
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
