"""What happens to one version, the others never notice: real models, asked all the while."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from waiting import wait_for

from rnnzoo.serving.server.repository.loading import load_servable
from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.version_policies import All
from rnnzoo.serving.server.repository.version_states import State
from rnnzoo.serving.server.status import StatusError


class Asking:
    """Asks models over and over in threads, and keeps every failure and every answer."""

    def __init__(self, repository: Repository, requests: list[tuple[str, int | None]]) -> None:
        self.failures: list[object] = []
        self.answers: dict[tuple[str, int | None], set[float]] = {request: set() for request in requests}
        self._repository = repository
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(request,)) for request in requests]

    def __enter__(self) -> "Asking":
        for thread in self._threads:
            thread.start()
        wait_for(lambda: all(self.answers.values()))
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, request: tuple[str, int | None]) -> None:
        while not self._stop.wait(0.005):
            try:
                with self._repository.lease(*request) as servable:
                    signature = servable.signatures["serving_default"]
                    feeds = {
                        signature.inputs["x"].name: np.array([1.0], np.float32),
                        signature.inputs["factor"].name: np.array([0.0], np.float32),
                    }
                    (scaled,) = servable.run(feeds, [signature.outputs["scaled"].name])
                self.answers[request].add(float(scaled[0]))
            except Exception as error:
                self.failures.append((request, error))


@pytest.fixture
def two_models(tmp_path: Path, save_arithmetic: Callable[..., None]) -> Iterator[tuple[Path, Repository]]:
    save_arithmetic(tmp_path / "a", 1, offset=11.0)
    for version in (1, 2):
        save_arithmetic(tmp_path / "b", version, offset=20.0 + version)
    repository = Repository(
        {"a": ModelSettings(base_path=tmp_path / "a"), "b": ModelSettings(base_path=tmp_path / "b", policy=All())},
        load_retry_seconds=0.0,
    )
    yield tmp_path, repository
    repository.close()


def test_what_happens_to_one_version_the_others_never_notice(
    two_models: tuple[Path, Repository], save_arithmetic: Callable[..., None]
) -> None:
    folder, repository = two_models
    with Asking(repository, [("a", None), ("b", 1), ("b", None)]) as asking:
        # One is replaced: no request fails, and the new version answers in the end.
        save_arithmetic(folder / "a", 2, offset=12.0)
        repository.refresh()
        wait_for(lambda: 12.0 in asking.answers["a", None])
        # A new one comes half-way: everything but the variables.
        shutil.copytree(folder / "a" / "2", folder / "a" / "3", ignore=shutil.ignore_patterns("variables.data*"))
        repository.refresh()
        broken = repository.states("a")[0]
        assert (3, State.LOADING) == (broken.version, broken.state)
        assert broken.message
        assert {"a": [2], "b": [1, 2]} == repository.versions
        # A served one is corrupted on disk.
        (folder / "b" / "1" / "saved_model.pb").write_bytes(b"\xff" * 100)
        repository.refresh()
        # And one is removed: its last requests are answered, later ones fall back to the one before.
        shutil.rmtree(folder / "b" / "2")
        repository.refresh()
        asking.answers["b", None].clear()
        wait_for(lambda: bool(asking.answers["b", None]))
        # The broken one is mended.
        shutil.copytree(folder / "a" / "2", folder / "a" / "3", dirs_exist_ok=True)
        repository.refresh()
        repository.refresh()
        assert {"a": [3], "b": [1]} == repository.versions

    assert [] == asking.failures
    assert {11.0, 12.0} == asking.answers["a", None]
    assert {21.0} == asking.answers["b", 1] == asking.answers["b", None]


def test_a_version_without_a_saved_model_says_so_as_tensorflow_serving(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()

    with suppress(ValueError), pytest.raises(StatusError) as caught:
        Repository({"m": tmp_path}, load_servable, patient=True, poll_seconds=0.01, max_num_load_retries=0)

    assert "due to error: NOT_FOUND: Could not find SavedModel .pb or .pbtxt at supplied export" in caught.value.message
