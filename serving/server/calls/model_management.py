"""GetModelStatus and HandleReloadConfigRequest: protocol messages in, protocol messages out.

Codes and messages are those of get_model_status_impl.cc, model_service_impl.cc and server_core.cc. No transport here.
"""

import os
from collections.abc import Collection

from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2
from tensorflow_serving.config import model_server_config_pb2

from rnnzoo.serving.server.repository.model_settings import ModelSettings, models_of
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.status import Code, StatusError, invalid
from rnnzoo.serving.server.stock.text_protos import read_text_proto

__all__ = ["get_model_status", "handle_reload_config", "read_model_config"]


def get_model_status(
    repository: Repository, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """Where the versions of a model stand, newest first: all of them, or the one that the request names.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    states = repository.states(spec.name)
    if spec.HasField("version"):
        states = [state for state in states if state.version == spec.version.value]
        if not states:
            raise StatusError(Code.NOT_FOUND, f"Could not find version {spec.version.value} of model {spec.name}")
    elif not states:
        raise StatusError(Code.NOT_FOUND, f"Could not find any versions of model {spec.name}")
    response = get_model_status_pb2.GetModelStatusResponse()
    for state in states:
        told = response.model_version_status.add(version=state.version, state=int(state.state))
        told.status.error_code, told.status.error_message = state.code, state.message
    return response


def handle_reload_config(
    repository: Repository, request: model_management_pb2.ReloadConfigRequest
) -> model_management_pb2.ReloadConfigResponse:
    """Other models from now on; returns once the new ones answer.

    Raises:
        StatusError: as TensorFlow Serving would refuse the request.
    """
    if request.config.WhichOneof("config") != "model_config_list":
        raise invalid(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    repository.reconfigure(models_of(request.config, served=repository.names))
    response = model_management_pb2.ReloadConfigResponse()
    response.status.SetInParent()
    return response


def read_model_config(path: str | os.PathLike[str], served: Collection[str] = ()) -> dict[str, ModelSettings]:
    """The models in the file of `--model_config_file`, by name.

    Args:
        path: the file.
        served: the models that are served so far.

    Raises:
        OSError: if it cannot be read.
        ValueError: if its text is no ModelServerConfig.
        StatusError: as TensorFlow Serving would refuse its models.
    """
    return models_of(read_text_proto(path, model_server_config_pb2.ModelServerConfig()), served)
