"""The API reference: every public name is in it with its docstring, and nothing else."""

import importlib
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from pages.blocks import ROOT

pytest.importorskip("pdoc", reason="needs pip install 'rnnzoo[docs]'")

ROOMS = ("rnnzoo.models", "rnnzoo.serving.errors")
SCRIPT = "import reference, pathlib, sys; reference.write_reference(pathlib.Path(sys.argv[1]), sys.argv[2:])"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rooms of it, written by a process of their own: what is done for pdoc's eyes is not for this one."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-W", "error::UserWarning", "-c", SCRIPT, os.fspath(folder), *ROOMS]
    finished = subprocess.run(command, cwd=ROOT / "docs", capture_output=True, text=True, check=False)
    assert 0 == finished.returncode, finished.stderr
    return folder


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_there_and_no_other(site: Path, room: str) -> None:
    page = (site / f"{room.replace('.', '/')}.html").read_text(encoding="utf-8")
    assert set(importlib.import_module(room).__all__) == set(re.findall(r'<section id="(\w+)">', page))


def test_a_layer_shows_what_it_takes_and_what_it_is(site: Path) -> None:
    page = (site / "rnnzoo" / "models.html").read_text(encoding="utf-8")
    text = unescape(re.sub(r"<[^>]+>", "", page))
    assert "Long short-term memory: Keras's LSTM, weight for weight." in text
    constructor = re.search(r'<div id="LSTM.__init__".*?</div>', page, flags=re.DOTALL)
    assert constructor is not None
    for option in ("units", "unit_forget_bias", "normalization", "recurrent_dropout", "return_sequences"):
        assert f">{option}<" in constructor[0]


def test_there_is_a_page_for_every_room() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        pages = importlib.import_module("reference").PUBLIC
    finally:
        sys.path.remove(str(ROOT / "docs"))
    from test_public_surface import ROOMS as ALL_ROOMS

    assert set(ALL_ROOMS) <= set(pages)
