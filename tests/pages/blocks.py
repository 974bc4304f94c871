"""The fenced blocks of a Markdown page, and what a page says about how they are tested.

A comment in front of a block, `<!-- test: MARK -->`, which no reader sees, gives it a mark.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NOTEBOOKS", "PAGES", "ROOT", "Block", "blocks_of", "text_of"]

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    *sorted(path for room in ("models", "tuning", "serving") for path in (ROOT / room).rglob("*.md")),
)
NOTEBOOKS = tuple(sorted((ROOT / "notebooks").glob("*.ipynb")))

_BLOCK = re.compile(
    r"^(?P<comment> *<!-- test: (?P<mark>.+?) -->\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$",
    flags=re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: the file that it stands in.
        line: of the fence that opens it, from 1; in a notebook, counted over its text cells.
        language: "sh", "python", ... or "".
        mark: what the page says about testing it, or None.
        code: what stands between the fences, without the indentation of the fence.
    """

    page: Path
    line: int
    language: str
    mark: str | None
    code: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def text_of(page: Path) -> str:
    """The Markdown of a page, or of a notebook's text cells."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown") + "\n"


def blocks_of(page: Path) -> list[Block]:
    text = text_of(page)
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start("indent")) + 1,
            language=match["language"],
            mark=match["mark"],
            code=re.sub(f"^{match['indent']}", "", match["code"], flags=re.MULTILINE),
        )
        for match in _BLOCK.finditer(text)
    ]
