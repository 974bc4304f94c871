"""A folder with two versions, and two that are none."""

from pathlib import Path

import pytest


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    for name in ("1", "2", "temp", ".partial-3"):
        (tmp_path / name).mkdir()
    return tmp_path
