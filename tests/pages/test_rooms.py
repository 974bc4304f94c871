"""The blocks of the pages that a page marks as runnable, run as they stand, one page after the other in one process."""

from pathlib import Path
from typing import Any

import pytest
from pages.blocks import PAGES, ROOT, Block, blocks_of

RUNNABLE = {
    str(page.relative_to(ROOT)): blocks
    for page in PAGES
    if page.name != "EXTENDING.md" and (blocks := [one for one in blocks_of(page) if one.mark == "run"])
}


def run(blocks: list[Block]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for one in blocks:
        exec(compile(one.code, one.name, "exec"), names)
    return names


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages write into the folder that they are tried in; and a home of its own for the caches."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def test_models() -> None:
    names = run(RUNNABLE["models/README.md"])
    assert (1, 6) == names["log_probabilities"].shape
    assert "States" == names["trained"].predict_next("The film was released in the United")[0][0].word


def test_tuning(empty_folder: Path) -> None:
    names = run(RUNNABLE["tuning/README.md"])
    assert ["completed", "diverged"] == [trial.status for trial in names["result"].trials]
    assert (empty_folder / "page" / "index.html").exists()


def test_serving() -> None:
    names = run(RUNNABLE["serving/README.md"])
    assert "1" == names["version"].name


def test_no_page_is_left_out() -> None:
    assert {"models/README.md", "tuning/README.md", "serving/README.md"} == RUNNABLE.keys()
