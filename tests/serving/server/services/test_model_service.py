"""The stock stub of ModelService, and the configuration file that is read again."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2, model_service_pb2_grpc
from waiting import wait_for

from rnnzoo.serving.client import Client
from rnnzoo.serving.server.calls.model_management import handle_reload_config, read_model_config
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.repository.config_polling import make_part
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings

Stub = model_service_pb2_grpc.ModelServiceStub


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, arithmetic: Path) -> Path:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(arithmetic, folder / "numbers")
    (folder / "numbers" / "2").mkdir()
    (folder / "broken" / "1").mkdir(parents=True)
    return folder


@pytest.fixture
def server(models: Path) -> Iterator[Server]:
    server = make_server(models / "numbers", port=0, model_name="numbers", poll_seconds=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stub(server: Server) -> Iterator[Stub]:
    with grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


def status(stub: Stub, name: str, version: int | None = None) -> list[tuple[int, str, int, str]]:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return [
        (
            told.version,
            get_model_status_pb2.ModelVersionStatus.State.Name(told.state),
            told.status.error_code,
            told.status.error_message,
        )
        for told in stub.GetModelStatus(request, timeout=10).model_version_status
    ]


def config(*models: tuple[str, Path], more: str = "") -> str:
    return "".join(
        f"model_config_list {{ {entries} }}"
        for entries in [
            "".join(
                f"config {{ name: '{name}' base_path: '{path}' model_platform: 'tensorflow' {more} }}\n"
                for name, path in models
            )
        ]
    )


def reload(stub: Stub, text: str) -> model_management_pb2.ReloadConfigResponse:
    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(text, request.config)
    return stub.HandleReloadConfigRequest(request, timeout=30)


def refusal(ask: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    return caught.value.code(), caught.value.details()


def test_status(stub: Stub) -> None:
    assert [(3, "AVAILABLE", 0, "")] == status(stub, "numbers") == status(stub, "numbers", 3)


def test_refusals(stub: Stub) -> None:
    not_found, invalid = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT

    assert (not_found, "Could not find any versions of model M") == refusal(lambda: status(stub, "M"))
    assert (not_found, "Could not find version 9 of model numbers") == refusal(lambda: status(stub, "numbers", 9))
    empty = get_model_status_pb2.GetModelStatusRequest()
    assert (invalid, "Missing ModelSpec") == refusal(lambda: stub.GetModelStatus(empty, timeout=10))
    assert (
        invalid,
        "ServerModelConfig type not supported by HandleReloadConfigRequest. "
        "Only ModelConfigList is currently supported",
    ) == refusal(lambda: reload(stub, ""))
    assert (
        invalid,
        "Illegal to change a model's platform. For model numbers platform was tensorflow and new platform requested "
        "is torch",
    ) == refusal(
        lambda: reload(stub, "model_config_list { config { name: 'numbers' base_path: '/m' model_platform: 'torch' } }")
    )


def test_other_models_while_it_runs(stub: Stub, models: Path) -> None:
    answer = reload(stub, config(("more", models / "numbers")))

    assert answer.HasField("status")
    assert 0 == answer.status.error_code
    assert [(3, "AVAILABLE", 0, "")] == status(stub, "more")
    deadline = time.monotonic() + 10
    while [(3, "END", 0, "")] != status(stub, "numbers"):
        assert time.monotonic() < deadline

    reload(stub, config(("more", models / "numbers"), more="version_labels { key: 'stable' value: 3 }"))
    code, message = refusal(
        lambda: reload(stub, config(("more", models / "numbers"), more="version_labels { key: 'new' value: 2 }"))
    )
    assert grpc.StatusCode.FAILED_PRECONDITION == code
    assert (
        "Request to assign label to version 2 of model more, which is not currently available for inference" == message
    )


def test_no_request_waits_for_other_models(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()
    server = make_server(models / "numbers", port=0, model_name="numbers", poll_seconds=0, workers=1)
    monkeypatch.setattr(server.repository, "reconfigure", lambda models: loaded.wait(60))
    server.start()
    with grpc.insecure_channel(server.address) as channel, Client(server.address, "numbers", timeout=20) as client:
        request = model_management_pb2.ReloadConfigRequest()
        text_format.Parse(config(("numbers", models / "numbers")), request.config)
        reloads = [Stub(channel).HandleReloadConfigRequest.future(request, timeout=60) for _ in range(3)]

        for _ in range(3):  # whenever the reloads arrive
            assert [2.0] == client.predict("", {"x": [1.0]})["scaled"].tolist()
            time.sleep(0.1)
        assert not any(reload.done() for reload in reloads)

        loaded.set()
        assert all(reload.result().HasField("status") for reload in reloads)
    server.stop()


def test_a_model_that_does_not_load_is_reported(stub: Stub, models: Path) -> None:
    code, message = refusal(
        lambda: reload(stub, config(("numbers", models / "numbers"), ("broken", models / "broken")))
    )

    assert grpc.StatusCode.UNKNOWN == code
    assert message.startswith(
        "1 model(s) did not become available: {{{name: broken version: 1} due to error: NOT_FOUND"
    )
    ((version, state, error, told),) = status(stub, "broken")
    assert (1, "LOADING", 5) == (version, state, error)
    assert told.startswith("Could not find SavedModel .pb or .pbtxt at supplied export directory path: ")
    assert [(3, "AVAILABLE", 0, "")] == status(stub, "numbers")


@pytest.mark.parametrize("reapply", [False, True])
def test_a_file_that_has_not_changed_undoes_nothing_unless_it_is_to(
    models: Path, tmp_path: Path, reapply: bool, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "models.config"
    file.write_text(config(("a", models / "numbers")), encoding="utf-8")
    settings = ServerSettings(model_config_file=str(file), model_config_file_poll_seconds=1)
    repository = Repository(read_model_config(file))
    polling = make_part(Core(repository, replace(settings, reapply_model_config_file=reapply)))
    assert polling is not None
    added = model_management_pb2.ReloadConfigRequest()
    for name in ("a", "b"):
        added.config.model_config_list.config.add(
            name=name, base_path=str(models / "numbers"), model_platform="tensorflow"
        )
    handle_reload_config(repository, added)

    with caplog.at_level(logging.INFO):
        polling._reload()
        assert (["a"] if reapply else ["a", "b"]) == repository.names
        file.write_text(config(("c", models / "numbers")), encoding="utf-8")
        polling._reload()

    assert ["c"] == repository.names
    removed = "a" if reapply else "a, b"
    assert f"{file} adds the models [c] and removes [{removed}]." in caplog.messages
    repository.close()


def test_a_file_whose_new_model_does_not_load_is_followed_in_the_rest(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "models.config"
    file.write_text(config(("a", models / "numbers")), encoding="utf-8")
    settings = ServerSettings(model_config_file=str(file), model_config_file_poll_seconds=1)
    repository = Repository(read_model_config(file))
    polling = make_part(Core(repository, settings))
    assert polling is not None

    file.write_text(config(("b", models / "broken"), ("c", models / "numbers")), encoding="utf-8")
    polling._reload()

    assert ["b", "c"] == repository.names
    assert f"{file} adds the models [b, c] and removes [a]." in caplog.messages
    assert "did not become available" in caplog.text
    assert "stay as they are" not in caplog.text
    repository.close()


def test_the_file_is_followed_after_an_error_that_nobody_foresaw(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models.config"
    file.write_text(config(("a", models / "numbers")), encoding="utf-8")
    settings = ServerSettings(port=0, poll_seconds=0, model_config_file=str(file), model_config_file_poll_seconds=0.05)
    server = Server(Repository(read_model_config(file)), settings)

    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as failing:
        failing.setattr(server.repository, "reconfigure", fail)
        file.write_text(config(("b", models / "numbers")), encoding="utf-8")
        server.start()
        wait_for(lambda: "can't start new thread" in caplog.text)
    try:
        wait_for(lambda: server.repository.versions == {"b": [3]})
    finally:
        server.stop()


def test_the_configuration_file_is_read_again(models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "models.config"
    file.write_text(config(("a", models / "numbers")), encoding="utf-8")
    settings = ServerSettings(port=0, poll_seconds=0, model_config_file=str(file), model_config_file_poll_seconds=0.05)
    server = Server(Repository(read_model_config(file)), settings)
    server.start()
    try:
        file.write_text("", encoding="utf-8")  # as whoever writes it anew leaves it for a moment
        wait_for(lambda: "failed to ReloadConfig: Cannot transition to requested config." in caplog.text)
        file.write_text("model_config_list {", encoding="utf-8")
        wait_for(lambda: "Error parsing text-format tensorflow.serving.ModelServerConfig" in caplog.text)
        file.write_text(config(("b", models / "missing")), encoding="utf-8")
        wait_for(lambda: "failed to ReloadConfig: Could not find base path" in caplog.text)
        assert {"a": [3]} == server.repository.versions
        file.write_text(config(("b", models / "numbers")), encoding="utf-8")
        wait_for(lambda: server.repository.versions == {"b": [3]})
        file.write_text("model_config_list { }", encoding="utf-8")
        wait_for(lambda: server.repository.versions == {})
    finally:
        server.stop()
