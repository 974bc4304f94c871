"""gRPC reflection: `grpcurl` and its like find the services and their messages by asking the server."""

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

from rnnzoo.serving.server.core import Core

__all__ = ["add_to"]

_FILES = (prediction_service_pb2.DESCRIPTOR, model_service_pb2.DESCRIPTOR)


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service, which tells of TensorFlow Serving's services and of itself."""
    names = [service.full_name for file in _FILES for service in file.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server, descriptor_pool.Default())
