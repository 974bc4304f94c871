"""The folder of a page, which holds that page alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.atomic_files import check_is_writable, write_whole

if TYPE_CHECKING:
    from rnnzoo.tuning.pages.drawing import Picture

__all__ = ["check_page_folder", "write_pictures"]

# What is in the folder of a search, of KerasTuner's, of a run, of a search's page and of a diagnosis's.
_OWNED = ("search.json", "trials.json", "oracle.json", "run.json", "report.json", "diagnosis.json")


def check_page_folder(folder: Path, numbers: str) -> None:
    """See that a page can go there, before anything is measured; makes nothing.

    Args:
        folder: the page's, which may be there or not.
        numbers: the page's own file of numbers, which an earlier page of its kind has, too.

    Raises:
        FileExistsError: if the folder is that of a search, of a run or of another kind of page, which have files of
            the same names.
        OSError: if it cannot be written to.
    """
    for name in _OWNED:
        if name != numbers and (folder / name).exists():
            raise FileExistsError(f"a page needs a folder of its own, but {folder} holds {name}: choose another.")
    check_is_writable(folder)


def write_pictures(folder: Path, pictures: "Iterable[Picture]") -> None:
    """Write each picture as PNG and SVG into `figures`, in the folder of a page, which is made if it is not there."""
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        write_whole(figures / f"{picture.name}.png", picture.png())
        write_whole(figures / f"{picture.name}.svg", picture.svg())
