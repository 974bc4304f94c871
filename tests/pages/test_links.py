"""What the pages point at exists, and their Python compiles and imports what is there."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from pages.blocks import PAGES, ROOT, Block, blocks_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PYTHON = [
    one for page in PAGES for one in blocks_of(page) if one.language == "python" and one.mark not in ("entry", "row")
]
MADE_BY_THE_PAGE = {"ugrnn"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not re.match(r"https?://|#", target):
            assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_in_sentences_exist(page: Path) -> None:
    """Those that are named by their path from the root, as `models/layers/` is."""
    rooms = "models|tuning|serving|src|notebooks|tests"
    for path in re.findall(rf"`((?:{rooms})/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists() or path == "models/layers/ugrnn.py", path


@pytest.mark.parametrize("room", ["models", "tuning", "serving"])
def test_files_in_the_map_of_a_room_exist(room: str) -> None:
    """The block without a language in the room's page: everything in it that looks like a file is one."""
    (tree,) = (one.code for one in blocks_of(ROOT / room / "README.md") if one.language == "")
    names = re.findall(r"[\w*/]+\.py\b|\b\w+/(?=\s|,|$)", tree)
    assert len(names) > 10
    for name in names:
        assert list((ROOT / room).rglob(name.rstrip("/"))), name


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_python_compiles_and_its_imports_are_there(block: Block) -> None:
    for node in ast.walk(ast.parse(block.code, block.name)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        if isinstance(node, ast.ImportFrom) and node.module not in MADE_BY_THE_PAGE:
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


@pytest.mark.parametrize("room", ["models", "tuning", "serving"])
def test_a_room_is_on_its_map(room: str) -> None:
    """Its folders and its modules, each by its name; `json_*.py` names all that begin so."""
    page = (ROOT / room / "README.md").read_text(encoding="utf-8")
    modules = [path.name for path in (ROOT / room).glob("*.py") if path.name != "__init__.py"]
    folders = [f"{path.parent.name}/" for path in (ROOT / room).glob("*/__init__.py")]
    assert [] == [name for name in sorted(modules + folders) if name not in page]
