"""PyTorch, timed in an environment of its own, `tests/benchmarks/.venv`: it is measured against, never needed."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["TORCH_PYTHON", "torch_timer"]

TORCH_PYTHON = Path(__file__).parent / ".venv" / "bin" / "python"


@contextmanager
def torch_timer(kind: str, *sizes: int) -> Iterator[Callable[[], float]]:
    """A function that has `torch_worker.py` do its work once more and returns the seconds that it took."""
    command = [str(TORCH_PYTHON), str(Path(__file__).parent / "torch_worker.py"), kind, *map(str, sizes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        if worker.stdin is None or worker.stdout is None:
            raise RuntimeError("the PyTorch worker must have a pipe for its input and its output.")
        requests, answers = worker.stdin, worker.stdout

        def measure() -> float:
            requests.write("\n")
            requests.flush()
            return float(answers.readline())

        yield measure
        requests.close()
