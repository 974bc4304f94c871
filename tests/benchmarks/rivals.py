"""Other servers of SavedModels, each in an environment of its own: `make bench-serving` installs and measures them."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["RIVALS", "Rival"]

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A server that `rival_NAME.py` starts, with what `requirements-rival-NAME.txt` installs.

    Args:
        title: how it calls itself.
        path: where it answers.
        body: what asks for the next words of a text, as JSON.
    """

    title: str
    path: str
    body: Callable[[str], dict[str, Any]]

    @property
    def name(self) -> str:
        return self.title.lower()

    @property
    def python(self) -> Path:
        return HERE / f".venv-rival-{self.name}" / "bin" / "python"

    def request(self, text: str) -> bytes:
        return json.dumps(self.body(text)).encode()

    @contextmanager
    def served(self, version: Path) -> Iterator[str]:
        """Its address while it serves a version's folder."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [self.python, f"rival_{self.name}.py", version, str(port)]
        process = subprocess.Popen(command, cwd=HERE, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{port}/{self.path}"
            ask = urllib.request.Request(address, self.request("w1"), {"Content-Type": "application/json"})
            until = time.monotonic() + 180
            while True:
                try:
                    urllib.request.urlopen(ask, timeout=10).close()
                    break
                except OSError:
                    if time.monotonic() > until or process.poll() is not None:
                        raise
                    time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _tensor(text: str) -> dict[str, Any]:
    """MLServer's protocol, which is KServe's second: https://kserve.github.io/website/docs/concepts/architecture/data-plane."""
    return {"inputs": [{"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [text]}]}


RIVALS = (
    Rival(title="LitServe", path="predict", body=lambda text: {"instances": [text]}),
    Rival(title="BentoML", path="predict", body=lambda text: {"texts": [text]}),
    Rival(title="MLServer", path="v2/models/next-words/infer", body=_tensor),
)
