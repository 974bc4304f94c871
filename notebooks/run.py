"""Run notebooks from the first cell to the last and keep their outputs: `python notebooks/run.py [NOTEBOOK...]`.

Without a name, all of this folder. With RNNZOO_QUICK in the environment a run is short and shows little more than that
everything works. A notebook in which a cell fails is left as it was.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

__all__ = ["run"]


def run(path: Path) -> float:
    """Run one notebook in its folder and write it back; the seconds that it took.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=None,
        coalesce_streams=True,
        record_timing=False,  # so that two equal runs are equal files
        # What TensorFlow's C++ says of the machine is for the terminal, not for the reader.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        resources={"metadata": {"path": path.parent}},
    )
    begin = time.monotonic()
    client.execute()
    nbformat.write(notebook, path)
    return time.monotonic() - begin


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for chosen in [Path(name) for name in sys.argv[1:]] or sorted(Path(__file__).parent.glob("*.ipynb")):
        print(f"{chosen.name}: {run(chosen.absolute()):.0f} s", flush=True)
