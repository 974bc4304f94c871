"""README's main road: its block of commands from the first to the last, then its Python, on a small network."""

import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Call
from pages.blocks import ROOT, blocks_of
from pages.shell import calls_of

SMALL = "--units 8 --epochs 1 --batch-size 8 --window 10 --vocabulary-limit 200 --corpus-option words=2000"
BLOCKS = blocks_of(ROOT / "README.md")
WORDS = r"\w+|[^\w\s]\S*|<eos>"


def block(language: str, text: str) -> str:
    (code,) = (one.code for one in BLOCKS if one.language == language and text in one.code)
    return code


@contextmanager
def serving(arguments: list[str]) -> Iterator[str]:
    """Runs `rnnzoo serve` as the block does, but on a free port; gives its address. Ctrl-C ends it."""
    port = arguments.index("--port") + 1
    command = [sys.executable, "-m", "rnnzoo", "serve", *arguments[:port], "0", *arguments[port + 1 :]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 120)[0]
        address = re.search(r"is served on (\S+);", process.stdout.readline())
        assert address is not None
        yield address[1]
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(timeout=60)
    finally:
        process.kill()
        process.communicate()


def test_the_road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    monkeypatch.chdir(tmp_path)
    calls = [arguments for _, *arguments in calls_of(block("sh", "rnnzoo serve"), tmp_path / "shell")]
    assert ["list", "train", "evaluate", "generate", "export", "serve", "predict"] == [name for name, *_ in calls]
    said = {}
    for name, *arguments in calls[:5]:
        result = call(name, *arguments, *(shlex.split(SMALL) if name == "train" else []))
        assert 0 == result.code, result.err
        said[name] = result.out
    assert "skip_update_gru" in said["list"]
    assert "perplexity" in said["evaluate"]
    assert re.fullmatch(rf"({WORDS})( ?({WORDS}))*\n?", said["generate"].strip())

    with serving(calls[5][1:]) as address:
        asked = [address if argument == "localhost:8500" else argument for argument in calls[6]]
        answer = call(*asked)
        assert 0 == answer.code, answer.err
        assert 2 * 5 == answer.out.count("%")

        names = run(block("python", "from_preset").replace("runs/gru", str(tmp_path / "runs" / "gru")))
        assert names["model"].predict_next("the value of", top_k=3)[0][0].probability > 0
        assert "typing" in run(block("python", "Client(").replace("localhost:8500", address))
    assert (2, 1) == run(block("python", "keras.Sequential"))["model"](keras_ids()).shape


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    return names


def keras_ids() -> Any:
    import numpy as np

    return np.array([[1, 2, 0], [3, 4, 5]])
