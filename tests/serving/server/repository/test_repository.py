"""Versions come, go, break and return while the others answer."""

import threading
from pathlib import Path

import pytest
from fake_servables import FakeServable, fake, refused, states
from waiting import wait_for

from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.version_policies import All, Latest, Specific
from rnnzoo.serving.server.repository.version_states import State
from rnnzoo.serving.server.status import Code, StatusError


@pytest.mark.parametrize(
    ("policy", "served"),
    [(Latest(1), [2]), (Latest(2), [1, 2]), (All(), [1, 2]), (Specific(frozenset({1, 7})), [1])],
)
def test_a_policy_decides_what_is_served(base_path: Path, policy: object, served: list[int]) -> None:
    repository = fake(base_path, policy)

    assert {"default": served} == repository.versions
    assert repository.ready
    with repository.lease("default") as newest:
        assert served[-1] == newest.version


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (("",), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (("M",), Code.NOT_FOUND, "Servable not found for request: Latest(M)"),
        (("M", 9), Code.NOT_FOUND, "Servable not found for request: Specific(M, 9)"),
        (("default", 1), Code.NOT_FOUND, "Servable not found for request: Specific(default, 1)"),
        (("default", None, "L"), Code.INVALID_ARGUMENT, "Unrecognized servable version label: L"),
        (("M", None, "L"), Code.INVALID_ARGUMENT, "Unrecognized servable version label: L"),
    ],
)
def test_requests_for_what_is_not_served(
    base_path: Path, request_: tuple[object, ...], code: Code, message: str
) -> None:
    error = refused(fake(base_path), *request_)

    assert (code, message) == (error.code, error.message)


def test_a_new_version_takes_over_and_the_old_one_goes(base_path: Path) -> None:
    repository = fake(base_path)
    with repository.lease("default") as old:
        (base_path / "10").mkdir()
        repository.refresh()

        assert {"default": [10]} == repository.versions
        assert {10: State.AVAILABLE, 2: State.UNLOADING} == states(repository)
        assert not old.closed.is_set()  # type: ignore[attr-defined]
    wait_for(lambda: states(repository) == {10: State.AVAILABLE, 2: State.END})
    assert old.closed.is_set()  # type: ignore[attr-defined]


def test_a_broken_version_is_told_of_and_tried_again(base_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    repository = fake(base_path, max_num_load_retries=1, load_retry_seconds=0.0)
    (base_path / "3").mkdir()
    (base_path / "3" / "broken").touch()

    repository.refresh()
    newest = repository.states("default")[0]
    assert (3, State.LOADING, Code.INVALID_ARGUMENT) == (newest.version, newest.state, newest.code)
    assert newest.message.startswith("broken: ")
    assert {"default": [2]} == repository.versions

    repository.refresh()  # the only retry
    repository.refresh()
    assert {3: State.END, 2: State.AVAILABLE} == states(repository)
    assert 2 == caplog.text.count("Loading servable: {name: default version: 3} failed: INVALID_ARGUMENT: broken: ")


def test_a_version_that_was_copied_half_way_loads_once_it_is_whole(base_path: Path) -> None:
    repository = fake(base_path, load_retry_seconds=1e6)
    (base_path / "3").mkdir()
    (base_path / "3" / "broken").touch()
    repository.refresh()

    (base_path / "3" / "broken").unlink()
    repository.refresh()  # it has changed; is it still changing?
    assert State.LOADING is states(repository)[3]
    repository.refresh()

    assert {"default": [3]} == repository.versions
    assert 0 == repository.states("default")[0].code


def test_a_version_that_was_copied_while_it_loaded_loads_again(base_path: Path) -> None:
    loaded: list[FakeServable] = []

    def load(name: str, version: int, folder: Path) -> FakeServable:
        loaded.append(FakeServable(name, version, folder))
        if version == 3 and not (folder / "metadata.json").exists():
            (folder / "metadata.json").touch()  # the copy's last file
        return loaded[-1]

    repository = Repository({"default": base_path}, load, load_retry_seconds=1e6)  # type: ignore[arg-type]
    (base_path / "3").mkdir()
    repository.refresh()

    newest = repository.states("default")[0]
    assert (3, State.LOADING, Code.UNAVAILABLE) == (newest.version, newest.state, newest.code)
    assert f"a version's files must lie still while it loads, but got {base_path / '3'}." == newest.message
    assert {"default": [2]} == repository.versions
    assert loaded[-1].closed.is_set()
    repository.refresh()  # it has changed; is it still changing?
    repository.refresh()
    assert {"default": [3]} == repository.versions


def test_a_version_that_was_given_up_is_tried_again_when_it_changes(base_path: Path) -> None:
    repository = fake(base_path, max_num_load_retries=0)
    (base_path / "3").mkdir()
    (base_path / "3" / "broken").touch()
    repository.refresh()
    assert State.END is states(repository)[3]

    (base_path / "3" / "broken").rename(base_path / "3" / "mended")
    repository.refresh()
    repository.refresh()

    assert {"default": [3]} == repository.versions


def test_a_broken_version_that_goes_and_comes_back(base_path: Path) -> None:
    repository = fake(base_path, max_num_load_retries=0)
    (base_path / "3").mkdir()
    (base_path / "3" / "broken").touch()
    repository.refresh()

    (base_path / "3").rename(base_path / "hidden")
    repository.refresh()
    assert State.END is states(repository)[3]
    (base_path / "hidden").rename(base_path / "3")
    repository.refresh()
    repository.refresh()
    assert State.END is states(repository)[3]
    assert "broken" in repository.states("default")[0].message


def test_a_lost_folder_leaves_what_is_served(base_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    repository = fake(base_path)
    base_path.rename(base_path.with_name("elsewhere"))

    repository.refresh()
    repository.refresh()

    assert {"default": [2]} == repository.versions
    assert 1 == caplog.text.count("Could not find base path")


def test_a_folder_without_versions_serves_none(base_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    repository = fake(base_path)
    for name in ("1", "2"):
        (base_path / name).rmdir()

    repository.refresh()

    assert {"default": []} == repository.versions
    assert not repository.ready
    assert f"No versions of servable default found under base path {base_path}. Did you forget" in caplog.text


def test_one_model_that_does_not_answer_takes_no_other_away(base_path: Path) -> None:
    repository = fake(base_path)
    (base_path / "second" / "5").mkdir(parents=True)
    (base_path / "second" / "5" / "broken").touch()
    first, second = ModelSettings(base_path=base_path), ModelSettings(base_path=base_path / "second")

    with pytest.raises(StatusError, match="did not become available"):
        repository.reconfigure({"default": first, "second": second})
    assert (True, ["second"]) == (repository.ready, repository.missing)

    repository.reconfigure({})
    assert (False, []) == (repository.ready, repository.missing)


def test_a_version_that_lies_elsewhere_by_now_stays_what_it_is_and_it_is_told(
    base_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    repository = fake(base_path)
    (base_path / "other" / "2").mkdir(parents=True)
    with repository.lease("default") as before:
        for _ in range(2):
            repository.reconfigure({"default": ModelSettings(base_path=base_path / "other")})
    with repository.lease("default") as after:
        assert before is after
    assert 1 == caplog.text.count(f"from {base_path / '2'}, not from {base_path / 'other' / '2'}")


def test_an_older_version_comes_back(base_path: Path) -> None:
    repository = fake(base_path)
    (base_path / "2").rmdir()

    repository.refresh()
    assert {"default": [1]} == repository.versions

    wait_for(lambda: states(repository)[2] is State.END)
    (base_path / "2").mkdir()
    repository.refresh()
    assert {"default": [2]} == repository.versions


def test_only_so_many_ended_versions_are_told_of(base_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.serving.server.repository.repository._MOST_ENDED", 2)
    repository = fake(base_path)
    for number in range(3, 9):
        (base_path / str(number)).mkdir()
        repository.refresh()
        wait_for(lambda: State.UNLOADING not in states(repository).values())
    repository.refresh()

    assert [8, 7, 6] == [state.version for state in repository.states("default")]


def test_close_frees_everything(base_path: Path) -> None:
    repository = fake(base_path, All())
    with repository.lease("default", 1) as first, repository.lease("default", 2) as second:
        repository.close()

    assert first.closed.is_set()  # type: ignore[attr-defined]
    assert second.closed.is_set()  # type: ignore[attr-defined]
    assert not repository.ready
    assert "Servable not found for request: Latest(default)" == refused(repository, "default").message


def test_what_cannot_be_served_from_the_start(base_path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must be a folder of numbered versions, but got .*missing"):
        fake(tmp_path / "missing")
    (base_path / "2" / "broken").touch()
    with pytest.raises(ValueError, match=r"model default must have a version that loads, but version 2 does not: "):
        fake(base_path)
    assert {"default": [1]} == fake(base_path, All()).versions  # one is enough


def test_a_patient_repository_waits_for_its_models(tmp_path: Path) -> None:
    def come() -> None:
        (tmp_path / "later" / "1").mkdir(parents=True)

    timer = threading.Timer(0.1, come)
    timer.start()

    repository = fake(tmp_path / "later", patient=True, poll_seconds=0.02)

    assert {"default": [1]} == repository.versions
    timer.join()


def test_patience_has_an_end(base_path: Path, tmp_path: Path) -> None:
    (base_path / "2" / "broken").touch()

    with pytest.raises(StatusError, match=r"^1 model\(s\) did not become available: \{\{\{name: default version: 2\}"):
        fake(base_path, patient=True, poll_seconds=0.01, max_num_load_retries=2, load_retry_seconds=0.0)
    with pytest.raises(StatusError, match=r"Could not find base path .*missing for servable default"):
        fake(tmp_path / "missing", patient=True, poll_seconds=0)
