"""What a server is told of a model: where it lies, which versions to serve, and what they are called."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tensorflow_serving.config import model_server_config_pb2

from rnnzoo.serving.server.repository.version_policies import All, Latest, Specific, VersionPolicy
from rnnzoo.serving.server.status import Code, StatusError, invalid

__all__ = ["ModelSettings", "models_of"]

_PLATFORM = "tensorflow"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """One model.

    Attributes:
        base_path: the folder with its numbered versions.
        policy: which of them are served; the newest one by default, as in TensorFlow Serving.
        labels: names for versions, such as `stable` for 3.
    """

    base_path: Path
    policy: VersionPolicy = field(default_factory=Latest)
    labels: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_path", Path(self.base_path))  # a str is as good, and what many pass


def models_of(
    config: model_server_config_pb2.ModelServerConfig, served: Collection[str] = ()
) -> dict[str, ModelSettings]:
    """The models of a ModelServerConfig, by name.

    Args:
        config: the message.
        served: the models that are served so far: their platform must not change, and they go only by a list without
            them, not by a message without a list, as of a file that is being written.

    Raises:
        StatusError: as TensorFlow Serving would refuse the configuration.

    >>> config = model_server_config_pb2.ModelServerConfig()
    >>> model = config.model_config_list.config.add(name="lstm", base_path="/models/lstm", model_platform="tensorflow")
    >>> model.version_labels["stable"] = 3
    >>> models_of(config)["lstm"].labels
    {'stable': 3}
    """
    kind = config.WhichOneof("config")
    if served and kind != "model_config_list":
        raise StatusError(
            Code.FAILED_PRECONDITION,
            "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to "
            "another.",
        )
    if kind == "custom_model_config":
        raise StatusError(Code.UNIMPLEMENTED, "ModelServer does not yet support custom model config.")
    models: dict[str, ModelSettings] = {}
    for model in config.model_config_list.config:
        if model.name in models:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        if "://" in model.base_path:
            raise StatusError(
                Code.UNIMPLEMENTED,
                f"Model {model.name} must be in a local folder: this server reads no other, but got "
                f"base_path()={model.base_path}",
            )
        if not model.base_path.startswith("/"):
            raise invalid(
                f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            )
        platform = _platform(model)
        if platform != _PLATFORM and model.name in served:
            raise invalid(
                f"Illegal to change a model's platform. For model {model.name} platform was {_PLATFORM} and new "
                f"platform requested is {platform}"
            )
        if platform != _PLATFORM:
            raise invalid(f"Model {model.name} requests unsupported platform {platform}")
        if model.HasField("logging_config"):
            _log.warning("logging_config of model %s changes nothing here: use --request_log_folder.", model.name)
        models[model.name] = ModelSettings(
            base_path=Path(model.base_path),
            policy=_policy(model),
            labels=dict(model.version_labels),
        )
    return models


def _platform(model: model_server_config_pb2.ModelConfig) -> str:
    if model.model_type != model_server_config_pb2.MODEL_TYPE_UNSPECIFIED:
        if model.model_platform:
            raise invalid(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform."
            )
        if model.model_type != model_server_config_pb2.TENSORFLOW:
            raise invalid(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
        return _PLATFORM
    if not model.model_platform:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform."
        )
    return model.model_platform


def _policy(model: model_server_config_pb2.ModelConfig) -> VersionPolicy:
    policy = model.model_version_policy
    match policy.WhichOneof("policy_choice"):
        case "all":
            return All()
        case "specific":
            return Specific(frozenset(policy.specific.versions))
        case _:
            return Latest(max(1, policy.latest.num_versions))
