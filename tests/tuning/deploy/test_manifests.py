"""The manifest of a search on a cluster: what can be said of it without one."""

import re
import shlex
from pathlib import Path

import pytest

from rnnzoo.commands.tune import tune
from rnnzoo.tuning.search.workers.roles import Address

FOLDER = Path(__file__).parents[3] / "tuning/deploy"
MANIFEST = (FOLDER / "search.yaml").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    """The calls of rnnzoo tune in it, folded lines joined."""
    joined = re.sub(r"\n +(?=--|\$)", " ", text)
    return [shlex.split(line.partition("$(")[0]) for line in re.findall(r"rnnzoo tune [^\n]*", joined)]


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_chief_and_workers_run_the_same_search() -> None:
    chief, worker = commands(MANIFEST)
    shared = chief.index("--output")
    assert chief[: shared + 2] == worker[: shared + 2]
    # What follows says who a process is, and nothing of what is searched.
    assert ["--listen"] == [word for word in chief[shared + 2 :] if word.startswith("--")]
    assert ["--chief", "--workers", "--chief-patience"] == [word for word in worker[shared + 2 :] if word[:2] == "--"]
    listening, reached = Address.parse(option(chief, "--listen")), Address.parse(option(worker, "--chief"))
    assert listening.port == reached.port
    assert f"name: {reached.host}\n" in MANIFEST
    assert f"port: {reached.port}\n" in MANIFEST
    assert f"containerPort: {reached.port}\n" in MANIFEST


@pytest.mark.parametrize("command", commands(MANIFEST) + commands((FOLDER / "README.md").read_text(encoding="utf-8")))
def test_every_option_in_use_is_one(command: list[str]) -> None:
    import inspect

    known = {name.replace("_", "-") for name in inspect.signature(tune).parameters} | {"range", "fix"}
    assert {word.removeprefix("--") for word in command if word.startswith("--")} <= known
