"""Other models and other labels while the repository answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_servables import FakeServable, fake, refused, states
from waiting import wait_for

from rnnzoo.serving.server.repository.labels import UnavailableLabels
from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.version_policies import All
from rnnzoo.serving.server.repository.version_states import State
from rnnzoo.serving.server.status import Code, StatusError


def test_labels(base_path: Path) -> None:
    def labelled(**labels: int) -> ModelSettings:
        return ModelSettings(base_path=base_path, policy=All(), labels=labels)

    repository = Repository({"default": labelled(stable=1, canary=2)}, FakeServable)  # type: ignore[arg-type]
    with repository.lease("default", label="stable") as stable, repository.lease("default", label="canary") as canary:
        assert (1, 2) == (stable.version, canary.version)

    with pytest.raises(StatusError) as caught:
        repository.reconfigure({"default": labelled(stable=7)})
    assert (
        Code.FAILED_PRECONDITION,
        "Request to assign label to version 7 of model default, which is not currently available for inference",
    ) == (caught.value.code, caught.value.message)
    with repository.lease("default", label="stable") as stable:
        assert 1 == stable.version
    repository.reconfigure({"default": labelled(stable=2)})
    with repository.lease("default", label="stable") as stable:
        assert 2 == stable.version
    assert "Unrecognized servable version label: canary" == refused(repository, "default", None, "canary").message


def test_labels_of_a_new_model_hold_once_it_has_loaded(base_path: Path) -> None:
    repository = fake(base_path)
    (base_path / "second" / "5").mkdir(parents=True)
    (base_path / "second" / "5" / "broken").touch()
    models = {
        "default": ModelSettings(base_path=base_path, labels={"stable": 2}),
        "second": ModelSettings(base_path=base_path / "second", labels={"canary": 5}),
    }
    for message in ("second version: 5} due to error", "Request to assign label to version 5 of model second"):
        with pytest.raises(StatusError, match=message):
            repository.reconfigure(models)
        with repository.lease("default", label="stable") as stable:
            assert 2 == stable.version

    (base_path / "second" / "5" / "broken").unlink()
    for _ in range(2):  # its files have to lie still
        repository.refresh()
    repository.reconfigure(models)
    with repository.lease("second", label="canary") as canary:
        assert 5 == canary.version


def test_a_configuration_that_the_end_overtakes_is_no_error(base_path: Path) -> None:
    class Overtaken(FakeServable):
        def __init__(self, name: str, *others: Any) -> None:
            if name == "second":
                repository.close()
                raise ValueError("too late")
            super().__init__(name, *others)

    settings = ModelSettings(base_path=base_path, labels={"stable": 2})
    repository = Repository({"default": settings}, Overtaken)  # type: ignore[arg-type]
    repository.reconfigure({"default": settings, "second": settings})


def test_labels_of_versions_that_are_not_there(base_path: Path) -> None:
    settings = {"default": ModelSettings(base_path=base_path, labels={"stable": 1})}

    with pytest.raises(StatusError, match="Request to assign label to version 1 of model default"):
        Repository(settings, FakeServable)  # type: ignore[arg-type]
    repository = Repository(settings, FakeServable, unavailable_labels=UnavailableLabels.NEW)  # type: ignore[arg-type]
    error = refused(repository, "default", None, "stable")
    assert "Servable not found for request: Specific(default, 1)" == error.message
    moved = {"default": ModelSettings(base_path=base_path, labels={"stable": 9})}
    with pytest.raises(StatusError, match="Request to assign label to version 9"):  # the label is in use
        repository.reconfigure(moved)
    free = Repository(settings, FakeServable, unavailable_labels=UnavailableLabels.ANY)  # type: ignore[arg-type]
    free.reconfigure(moved)
    assert "Servable not found for request: Specific(default, 9)" == refused(free, "default", None, "stable").message


def test_reconfigure(base_path: Path) -> None:
    repository = fake(base_path)
    (base_path / "second" / "5").mkdir(parents=True)
    first, second = ModelSettings(base_path=base_path), ModelSettings(base_path=base_path / "second")

    repository.reconfigure({"default": first, "second": second})
    assert {"default": [2], "second": [5]} == repository.versions

    repository.reconfigure({"second": second})
    assert ["second"] == repository.names
    assert "Servable not found for request: Latest(default)" == refused(repository, "default").message
    wait_for(lambda: states(repository) == {2: State.END})


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (
            lambda path: None,
            Code.INVALID_ARGUMENT,
            "Could not find base path {path} for servable new with error NOT_FOUND: {path} not found",
        ),
        (
            lambda path: path.mkdir(),
            Code.NOT_FOUND,
            "Unable to find a numerical version path for servable new at: {path}",
        ),
    ],
)
def test_new_models_that_are_not_there_change_nothing(
    base_path: Path, make: Callable[[Path], None], code: Code, message: str
) -> None:
    repository = fake(base_path)
    path = base_path / "new"
    make(path)

    with pytest.raises(StatusError) as caught:
        repository.reconfigure({"new": ModelSettings(base_path=path)})

    assert (code, message.format(path=path)) == (caught.value.code, caught.value.message)
    assert {"default": [2]} == repository.versions


def test_a_new_model_that_does_not_load_is_tried_again(base_path: Path) -> None:
    repository = fake(base_path, load_retry_seconds=0.0)
    path = base_path / "new"
    (path / "1").mkdir(parents=True)
    (path / "1" / "broken").touch()

    with pytest.raises(StatusError) as caught:
        repository.reconfigure({"default": ModelSettings(base_path=base_path), "new": ModelSettings(base_path=path)})

    assert (
        Code.UNKNOWN,
        "1 model(s) did not become available: {{{name: new version: 1} due to error: INVALID_ARGUMENT: "
        f"broken: {path / '1'}}}, }}",
    ) == (caught.value.code, caught.value.message)
    (path / "1" / "broken").unlink()
    repository.refresh()
    assert {"default": [2], "new": [1]} == repository.versions
