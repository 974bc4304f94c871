"""The notebooks run, and stand in the repository as a run from the first cell to the last left them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:home|root|tmp|work|Users|usr|opt|var|mnt)/")


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name: str, tmp_path: Path) -> None:
    """In its quick mode, in a copy of its folder, on a machine that holds no corpus."""
    folder = shutil.copytree(FOLDER, tmp_path / "notebooks")
    settings = {
        "RNNZOO_QUICK": "1",
        "RNNZOO_DATA": str(tmp_path),
        "HOME": str(tmp_path),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # its list of fonts takes long to make
    }
    run = subprocess.run(
        [sys.executable, folder / "run.py", folder / name],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert outputs_are_kept_in_order(folder / name)


@pytest.mark.parametrize("name", NAMES)
def test_its_outputs_are_kept(name: str) -> None:
    assert outputs_are_kept_in_order(FOLDER / name), "make notebooks runs them all"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_names_no_folder_of_a_machine(name: str) -> None:
    path = FOLDER / name
    assert path.stat().st_size < 2**20
    assert [] == MACHINE_PATH.findall(path.read_text(encoding="utf-8"))


def test_a_notebook_in_which_a_cell_fails_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "failing.ipynb"
    cells = [nbformat.v4.new_code_cell("print('before')"), nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    written = path.read_bytes()
    run = subprocess.run([sys.executable, FOLDER / "run.py", path], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "ZeroDivisionError" in run.stderr
    assert written == path.read_bytes()


def outputs_are_kept_in_order(path: Path) -> bool:
    """Whether every cell ran once, in order, none failed or wrote to standard error, and there is a picture."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    wrong = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert [] == wrong
    assert any("image/png" in output.get("data", {}) for output in outputs)
    return list(range(1, len(cells) + 1)) == [cell.execution_count for cell in cells]
