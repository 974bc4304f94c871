"""`rnnzoo report`."""

import html
import json
from pathlib import Path

import pytest
from cli.conftest import Call


@pytest.fixture
def found(tmp_path: Path) -> Path:
    folder = tmp_path / "a search"
    folder.mkdir()
    row = {"number": 1, "status": "completed", "score": 2.0, "values": {"learning_rate": 0.1}, "seconds": 1.0}
    (folder / "trials.json").write_text(json.dumps([row]))
    return folder


def test_a_search_becomes_a_page(found: Path, tmp_path: Path, call: Call) -> None:
    result = call("report", found, "--output", tmp_path / "page")
    assert f"Page: {tmp_path / 'page/index.html'}\n" == result.out
    command = f"rnnzoo train --from-trial '{found}' --output …"
    assert html.escape(command) in (tmp_path / "page/index.html").read_text()


def test_programs_get_json(found: Path, tmp_path: Path, call: Call) -> None:
    result = call("report", found, "--output", tmp_path / "page", "--json")
    assert 1 == json.loads(result.out, parse_constant=pytest.fail)["best"]


def test_what_is_no_search(tmp_path: Path, call: Call) -> None:
    assert call("report", tmp_path).says_in_one_line(1, "a search must hold trials.json")
    (tmp_path / "trials.json").write_text("{")
    assert call("report", tmp_path).says_in_one_line(1, "trials.json must be as rnnzoo wrote it")


def test_a_search_is_not_overwritten_by_its_report(found: Path, call: Call) -> None:
    assert call("report", found, "--output", found).says_in_one_line(1, "a page needs a folder of its own")
    assert ["trials.json"] == [path.name for path in found.iterdir()]
