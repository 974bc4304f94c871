"""Predictions in tests, as every protocol asks for them."""

import asyncio

from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings

__all__ = ["predict"]


def predict(
    repository: Repository, request: predict_pb2.PredictRequest, timeout: float | None = None
) -> predict_pb2.PredictResponse:
    """What a server with these models answers."""
    core = Core(repository, ServerSettings())
    try:
        return asyncio.run(core.predict(request, timeout, RequestRecord(api="Predict", entrypoint="GRPC")))
    finally:
        core.close()
