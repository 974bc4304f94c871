"""Versions are folders whose names are integers."""

import os
from pathlib import Path

import pytest

from rnnzoo.serving.server.repository.version_folders import fingerprint, numbered_folders, version_folders


def test_folder_names_are_integers(tmp_path: Path) -> None:
    for name in ("00000123", "9", "-4", "1_000", "7x", "٣", "v1", "99999999999999999999"):
        (tmp_path / name).mkdir()
    (tmp_path / "200").touch()

    expected = {-4: tmp_path / "-4", 9: tmp_path / "9", 123: tmp_path / "00000123"}
    assert list(expected.items()) == list(version_folders(tmp_path).items())


def test_base_paths_that_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must be a folder of numbered versions, but got .*missing"):
        numbered_folders(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=r"must hold at least one version \(such as .*1\), but got"):
        version_folders(tmp_path)
    assert {} == numbered_folders(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(FileNotFoundError, match=r"Pass the folder above it."):
        version_folders(tmp_path)


def test_a_fingerprint_knows_changed_grown_and_new_files(tmp_path: Path) -> None:
    seen = {fingerprint(tmp_path)}
    (tmp_path / "variables").mkdir()
    file = tmp_path / "variables" / "data"

    file.write_bytes(b"12")
    seen.add(fingerprint(tmp_path))
    file.write_bytes(b"123")
    seen.add(fingerprint(tmp_path))
    os.utime(file, ns=(1, 1))
    seen.add(fingerprint(tmp_path))

    assert 4 == len(seen)
    assert fingerprint(tmp_path) in seen
