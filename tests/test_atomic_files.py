"""Nothing half written is ever seen under its name."""

import errno
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.atomic_files import atomic_file, atomic_folder, json_file, new_folder, recover_folder, write_together


class Death(BaseException):
    pass


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with atomic_file(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert b"whole" == path.read_bytes()
    assert 0o644 == stat.S_IMODE(path.stat().st_mode)


def test_a_file_stays_as_it_was_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"old")
    with suppress(Death), atomic_file(path) as file:
        file.write(b"new")
        raise Death
    assert [path] == list(tmp_path.iterdir())
    assert b"old" == path.read_bytes()


def test_files_written_together_take_their_names_in_order_once_all_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, synced = ["checksums", "words", "weights"], []
    replace = os.replace

    def move(source: Path, target: Path) -> None:
        assert len(synced) >= len(names)
        assert names[: len(names) - len(left)] == [name for name in names if (tmp_path / name).exists()]
        left.remove(Path(target).name)
        replace(source, target)

    left = list(names)
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(os, "replace", move)
    write_together({tmp_path / name: name.encode() for name in names})
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert b"words" == (tmp_path / "words").read_bytes()


def test_of_files_written_together_all_or_none_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        if os.fstat(descriptor).st_size == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as raised:
        write_together({tmp_path / "small": b"1", tmp_path / "large": b"12"})
    assert str(tmp_path / "small") == raised.value.filename
    assert [] == list(tmp_path.iterdir())


def test_json_holds_names_that_are_no_utf8_and_nothing_that_is_no_number() -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    assert name == json.loads(json_file(name))
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_file(float("nan"))


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for name in ("first", "second"):
        with atomic_folder(path) as folder:
            (folder / name).touch()
        assert [path] == list(tmp_path.iterdir())
        assert [path / name] == list(path.iterdir())


def test_a_new_folder_takes_nobodys_place(tmp_path: Path) -> None:
    path = tmp_path / "1"
    with pytest.raises(OSError) as taken, new_folder(path), new_folder(path) as first:
        (first / "mine").touch()
    assert str(path) == taken.value.filename
    assert [path] == list(tmp_path.iterdir())
    assert [path / "mine"] == list(path.iterdir())


def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "model", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append((os.fstat(descriptor).st_ino, path.exists())))
    with atomic_folder(path) as folder:
        (folder / "deeper").mkdir()
        for name in ("config.json", "deeper/weights"):
            (folder / name).write_text("whole")
    expected = [path / "config.json", path / "deeper", path / "deeper" / "weights", path]
    assert {(one.stat().st_ino, False) for one in expected} == set(synced[:-1])
    assert (tmp_path.stat().st_ino, True) == synced[-1]


def test_a_folder_stays_as_it_was_when_filling_fails(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as folder:
        (folder / "old").touch()
    with suppress(Death), atomic_folder(path) as folder:
        (folder / "new").touch()
        raise Death
    assert [path] == list(tmp_path.iterdir())
    assert [path / "old"] == list(path.iterdir())


def test_a_death_between_the_two_renames_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as folder:
        (folder / "old").touch()
    rename = Path.rename

    def die_at_the_second(self: Path, target: Path) -> Path:
        if target == path:
            raise Death
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", die_at_the_second)
    with pytest.raises(Death), atomic_folder(path) as folder:
        (folder / "new").touch()
    monkeypatch.undo()
    assert not path.exists()
    recover_folder(path)
    assert [path / "old"] == list(path.iterdir())
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775)])
def test_the_umask_says_who_may_read(umask: int, file_mode: int, folder_mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with atomic_file(tmp_path / "file"), atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert file_mode == stat.S_IMODE((tmp_path / "file").stat().st_mode)
    assert folder_mode == stat.S_IMODE((tmp_path / "folder").stat().st_mode)


@pytest.mark.parametrize("write", [atomic_file, atomic_folder, new_folder])
def test_what_a_killed_write_left_is_cleared_a_day_later(write: Any, tmp_path: Path) -> None:
    foreign = [".model.0a1b2c3d.json", ".model.backup", ".other.0a1b2c3d.partial"]
    for name in (*foreign, ".model.0a1b2c3d.partial", ".model.00000000.partial"):
        (tmp_path / name).touch()
    (tmp_path / ".model.1a1b2c3d.partial").mkdir()
    (tmp_path / ".model.1a1b2c3d.partial" / "weights").touch()
    for one in tmp_path.iterdir():
        os.utime(one, (0, 0))
    os.utime(tmp_path / ".model.00000000.partial")  # it may still be written to
    with write(tmp_path / "model"):
        pass
    assert {"model", ".model.00000000.partial", *foreign} == {one.name for one in tmp_path.iterdir()}


@pytest.mark.parametrize("write", [atomic_file, atomic_folder, new_folder])
def test_an_error_names_what_was_to_be_written(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space") as nameless, write(path):
        raise full
    assert str(path) == nameless.value.filename
    with pytest.raises(FileNotFoundError) as temporary, write(tmp_path / "nowhere" / "log"):
        pass
    assert str(tmp_path / "nowhere" / "log") == temporary.value.filename
    with pytest.raises(FileNotFoundError) as other, write(path):
        (tmp_path / "text").read_text()
    assert str(tmp_path / "text") == other.value.filename
