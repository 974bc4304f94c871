"""Servables that run nothing, in a repository that does not know it."""

import threading
import time
from pathlib import Path

import pytest

from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.version_policies import Latest
from rnnzoo.serving.server.repository.version_states import State
from rnnzoo.serving.server.status import StatusError

__all__ = ["FakeServable", "fake", "refused", "states"]


class FakeServable:
    """Loads from any folder without a file named `broken`."""

    def __init__(self, name: str, version: int, folder: Path) -> None:
        if (folder / "broken").exists():
            raise ValueError(f"broken: {folder}")
        self.name, self.version = name, version
        self.users = 0
        self.closed = threading.Event()

    def acquire(self) -> None:
        self.users += 1

    def release(self) -> None:
        self.users -= 1

    def close(self, drain: bool = True) -> None:
        while drain and self.users:
            time.sleep(0.01)
        self.closed.set()


def fake(base_path: Path, policy: object = None, **options: object) -> Repository:
    settings = ModelSettings(base_path=base_path, policy=policy or Latest())  # type: ignore[arg-type]
    return Repository({"default": settings}, FakeServable, **options)  # type: ignore[arg-type]


def refused(repository: Repository, *request: object) -> StatusError:
    with pytest.raises(StatusError) as caught, repository.lease(*request):  # type: ignore[arg-type]
        pass
    return caught.value


def states(repository: Repository, name: str = "default") -> dict[int, State]:
    return {state.version: state.state for state in repository.states(name)}
