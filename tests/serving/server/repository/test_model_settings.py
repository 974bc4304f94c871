"""Model configurations as TensorFlow Serving's documentation has them, and its words for those it refuses."""

from collections.abc import Collection
from pathlib import Path

import pytest
from tensorflow_serving.config import model_server_config_pb2

from rnnzoo.serving.server.repository.model_settings import ModelSettings, models_of
from rnnzoo.serving.server.repository.version_policies import All, Latest, Specific
from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.server.stock.text_protos import parse_text_proto


def parsed(text: str, served: Collection[str] = ()) -> dict[str, ModelSettings]:
    return models_of(parse_text_proto(text, model_server_config_pb2.ModelServerConfig()), served)


def model(rest: str, name: str = "m") -> str:
    return f"model_config_list {{ config {{ name: '{name}' base_path: '/models/m' {rest} }} }}"


def test_a_folder_may_be_a_str() -> None:
    assert Path("/models/m") == ModelSettings(base_path="/models/m").base_path  # type: ignore[arg-type]


def test_the_documented_file() -> None:
    models = parsed(
        """
        model_config_list {
          config {
            name: 'my_first_model'
            base_path: '/models/my_first_model/'
            model_platform: 'tensorflow'
          }
          config {
            name: 'my_second_model'
            base_path: '/models/my_second_model/'
            model_platform: 'tensorflow'
            model_version_policy { specific { versions: 42 versions: 43 } }
            version_labels { key: 'stable' value: 42 }
            version_labels { key: 'canary' value: 43 }
          }
        }
        """
    )

    assert {
        "my_first_model": ModelSettings(base_path=Path("/models/my_first_model/"), policy=Latest(1)),
        "my_second_model": ModelSettings(
            base_path=Path("/models/my_second_model/"),
            policy=Specific(frozenset({42, 43})),
            labels={"stable": 42, "canary": 43},
        ),
    } == models


@pytest.mark.parametrize(
    ("rest", "policy"),
    [
        ("model_version_policy { all {} }", All()),
        ("model_version_policy { latest { num_versions: 3 } }", Latest(3)),
        ("model_version_policy { latest { } }", Latest(1)),
        ("", Latest(1)),
    ],
)
def test_policies(rest: str, policy: object) -> None:
    assert policy == parsed(model(f"model_type: TENSORFLOW {rest}"))["m"].policy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            model("model_platform: 'tensorflow' } config { name: 'm' base_path: '/m' model_platform: 'tensorflow'"),
            "Illegal to list model m multiple times in config list",
        ),
        (
            "model_config_list { config { name: 'm' base_path: 'models/m' model_platform: 'tensorflow' } }",
            "Expected model m to have an absolute path or URI; got base_path()=models/m",
        ),
        (model("model_platform: 'torch'"), "Model m requests unsupported platform torch"),
        (model("model_type: OTHER"), "ModelServerConfig::model_type choice 2 not supported."),
        (
            model("model_type: TENSORFLOW model_platform: 'tensorflow'"),
            "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform.",
        ),
        (
            model(""),
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform.",
        ),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        parsed(text)

    assert (Code.INVALID_ARGUMENT, message) == (caught.value.code, caught.value.message)


def test_what_changes_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    logged = parsed(model("model_type: TENSORFLOW logging_config { sampling_config { sampling_rate: 0.5 } }"))

    assert parsed(model("model_type: TENSORFLOW")) == logged
    assert "logging_config of model m changes nothing here: use --request_log_folder." in caplog.text


def test_custom_configurations() -> None:
    with pytest.raises(StatusError, match="does not yet support custom model config"):
        parsed("custom_model_config { }")


@pytest.mark.parametrize("text", ["", "custom_model_config { }"])
def test_served_models_go_only_by_a_list_without_them(text: str) -> None:
    with pytest.raises(StatusError) as caught:
        parsed(text, served=["m"])

    assert (
        Code.FAILED_PRECONDITION,
        "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to another.",
    ) == (caught.value.code, caught.value.message)
    assert {} == parsed("model_config_list { }", served=["m"])
