"""A page has a folder of its own."""

import os
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from rnnzoo.tuning.pages.drawing import Picture
from rnnzoo.tuning.pages.page_folder import check_page_folder, write_pictures


def test_it_may_be_there_with_an_earlier_page_or_be_made(tmp_path: Path) -> None:
    (tmp_path / "report.json").touch()
    check_page_folder(tmp_path, "report.json")
    check_page_folder(tmp_path / "a" / "b", "report.json")
    assert ["report.json"] == os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["report.json", "run.json", "trials.json"])
def test_it_is_of_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match=f"a folder of its own, but {tmp_path} holds {name}: choose another"):
        check_page_folder(tmp_path, "diagnosis.json")


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as raised:
        check_page_folder(tmp_path / "file" / "page", "diagnosis.json")
    assert str(tmp_path / "file") == raised.value.filename


def test_pictures_are_written_for_slides_and_for_print(tmp_path: Path) -> None:
    write_pictures(tmp_path / "page", [Picture(name, "", "", lambda shape: Figure()) for name in ("loss", "flow")])
    assert {"loss.png", "loss.svg", "flow.png", "flow.svg"} == set(os.listdir(tmp_path / "page" / "figures"))
