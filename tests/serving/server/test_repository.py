"""The newest version wins, and nothing that goes wrong on disk takes down what is served."""

from pathlib import Path

import pytest

from rnnzoo.serving.server import repository as repository_module
from rnnzoo.serving.server.repository import Repository, version_folders
from rnnzoo.serving.server.status import Code, StatusError


class FakeServable:
    """Records what happens to it; a folder that holds a file called broken cannot be loaded."""

    def __init__(self, name: str, version: int, folder: Path) -> None:
        if (folder / "broken").exists():
            raise ValueError("broken")
        self.name, self.version, self.folder = name, version, folder
        self.users, self.closed = 0, False

    def acquire(self) -> None:
        self.users += 1

    def release(self) -> None:
        self.users -= 1

    def close(self, drain: bool = True) -> None:
        assert self.users == 0 or not drain
        self.closed = True


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    for name in ("1", "2", "temp", ".partial-3"):
        (tmp_path / name).mkdir()
    return tmp_path


def fake(base_path: Path, keep: int = 1) -> Repository:
    return Repository({"default": base_path}, keep, FakeServable)  # type: ignore[arg-type]


def refused(repository: Repository, *request: object) -> StatusError:
    with pytest.raises(StatusError) as caught, repository.lease(*request):  # type: ignore[arg-type]
        pass
    return caught.value


def test_folder_names_are_integers(tmp_path: Path) -> None:
    for name in ("00000123", "9", "1_000", "7x", "٣", "v1"):
        (tmp_path / name).mkdir()
    (tmp_path / "200").touch()

    assert {9: tmp_path / "9", 123: tmp_path / "00000123"} == version_folders(tmp_path)


@pytest.mark.parametrize(("keep", "served"), [(1, [2]), (2, [1, 2]), (5, [1, 2])])
def test_the_newest_versions_are_served(base_path: Path, keep: int, served: list[int]) -> None:
    repository = fake(base_path, keep)

    assert {"default": served} == repository.versions
    with repository.lease("default") as newest:
        assert 2 == newest.version


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (("",), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (("M",), Code.NOT_FOUND, "Servable not found for request: Latest(M)"),
        (("M", 9), Code.NOT_FOUND, "Servable not found for request: Specific(M, 9)"),
        (("default", 1), Code.NOT_FOUND, "Servable not found for request: Specific(default, 1)"),
        (("default", None, "L"), Code.INVALID_ARGUMENT, "Unrecognized servable version label: L"),
    ],
)
def test_requests_for_what_is_not_served(
    base_path: Path, request_: tuple[object, ...], code: Code, message: str
) -> None:
    error = refused(fake(base_path), *request_)

    assert (code, message) == (error.code, error.message)


def test_a_new_version_takes_over_and_the_old_one_is_closed(base_path: Path) -> None:
    repository = fake(base_path)
    with repository.lease("default") as old:
        pass
    (base_path / "10").mkdir()

    repository.refresh()

    assert {"default": [10]} == repository.versions
    assert old.closed  # type: ignore[attr-defined]


def test_a_version_that_does_not_load_leaves_the_old_one(
    base_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    repository = fake(base_path)
    (base_path / "3").mkdir()
    (base_path / "3" / "broken").touch()

    repository.refresh()
    repository.refresh()

    assert {"default": [2]} == repository.versions
    assert 1 == caplog.text.count("version 3 is left out: broken")
    (base_path / "3" / "broken").unlink()
    monkeypatch.setattr(repository_module, "_RETRY_SECONDS", 0.0)
    repository._retry_at.clear()
    repository.refresh()
    assert {"default": [3]} == repository.versions


def test_a_lost_folder_leaves_what_is_served(base_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    repository = fake(base_path)
    for name in ("1", "2"):
        (base_path / name).rmdir()

    repository.refresh()

    assert {"default": [2]} == repository.versions
    assert "keeps its versions" in caplog.text


def test_an_older_version_comes_back(base_path: Path) -> None:
    repository = fake(base_path)
    (base_path / "2").rmdir()

    repository.refresh()

    assert {"default": [1]} == repository.versions


def test_close_frees_everything(base_path: Path) -> None:
    repository = fake(base_path, keep=2)
    with repository.lease("default", 1) as first, repository.lease("default", 2) as second:
        repository.close()

    assert first.closed  # type: ignore[attr-defined]
    assert second.closed  # type: ignore[attr-defined]
    assert "Servable not found for request: Latest(default)" == refused(repository, "default").message


def test_base_paths_that_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must be a folder of numbered versions, but got .*missing"):
        fake(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=r"must hold at least one version \(such as .*1\), but got"):
        fake(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(FileNotFoundError, match=r"Pass the folder above it."):
        fake(tmp_path)
    with pytest.raises(ValueError, match=r"keep must be a positive number of versions, but got keep=0."):
        fake(tmp_path, keep=0)
