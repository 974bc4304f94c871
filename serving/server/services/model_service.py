"""TensorFlow Serving's ModelService on the gRPC port: where the versions stand, and other models while it runs."""

from typing import Any

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2, model_service_pb2_grpc

from rnnzoo.serving.server.calls.model_management import get_model_status, handle_reload_config
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.services.prediction_service import answer

__all__ = ["ModelService", "add_to"]


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service."""
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(core), server)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest.

    Args:
        core: what answers.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    async def GetModelStatus(  # noqa: N802 - the protocol's name
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> get_model_status_pb2.GetModelStatusResponse:
        async def status(record: object) -> get_model_status_pb2.GetModelStatusResponse:
            return get_model_status(self._core.repository, request)

        return await answer(self._core, context, "GetModelStatus", request, status)

    async def HandleReloadConfigRequest(  # noqa: N802 - the protocol's name
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> model_management_pb2.ReloadConfigResponse:
        def reload() -> model_management_pb2.ReloadConfigResponse:
            return handle_reload_config(self._core.repository, request)

        return await answer(
            self._core, context, "HandleReloadConfigRequest", request, lambda record: self._core.in_turn(reload)
        )
