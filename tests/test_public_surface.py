"""Nothing but what a room names is public, every name is there, and importing a room costs no TensorFlow."""

import importlib
import subprocess
import sys

import pytest

ROOMS = (
    "rnnzoo",
    "rnnzoo.models",
    "rnnzoo.tuning",
    "rnnzoo.tuning.diagnosis",
    "rnnzoo.tuning.memory",
    "rnnzoo.tuning.search",
    "rnnzoo.serving",
)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_there_and_no_other(room: str) -> None:
    module = importlib.import_module(room)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing_of_this_name'"):
        module.nothing_of_this_name  # noqa: B018


def test_importing_the_rooms_imports_no_tensorflow() -> None:
    imports = "; ".join(f"import {room}" for room in ROOMS)
    code = f"import sys; {imports}; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
