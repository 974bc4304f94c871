"""gRPC reflection: `grpcurl` and its like find the services and their messages by asking the server."""

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.speaking_protocol import SERVICE, speaking_file

__all__ = ["add_to"]

_FILES = (prediction_service_pb2.DESCRIPTOR, model_service_pb2.DESCRIPTOR)


def add_to(server: grpc.aio.Server, core: Core) -> None:
    """Registers the service, which tells of TensorFlow Serving's services, of our own, and of itself."""
    pool = descriptor_pool.Default()  # where generated code registers itself; our names are in a package of their own
    pool.AddSerializedFile(speaking_file().SerializeToString())
    names = [service.full_name for file in _FILES for service in file.services_by_name.values()]
    servicer = reflection.aio.ReflectionServicer([*names, SERVICE, reflection.SERVICE_NAME], pool=pool)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
