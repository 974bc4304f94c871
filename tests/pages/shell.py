"""The commands that a shell block calls, as a shell reads them: quotes, variables and loops are its business.

A block runs in bash with an empty folder around it and nothing on its path but stand-ins, which write their arguments
down and do nothing.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

__all__ = ["COMMANDS", "calls_of"]

# What pages may call; anything else is not found, and the block fails.
COMMANDS = ("rnnzoo", "rnnzoo-model-server", "make", "curl", "python", "pytest", "pip", "docker", "kubectl", "jupyter")

_STAND_IN = """#!{bash}
printf '%s\\0' "${{0##*/}}" "$@" $'\\n' >> '{record}'
"""


def calls_of(code: str, folder: Path) -> list[list[str]]:
    """The commands of a block, each with its arguments, in the order in which they ran.

    Args:
        code: of the block.
        folder: an empty one, to work in.

    Raises:
        AssertionError: if the block fails, or calls something that no page should.
    """
    bash = shutil.which("bash")
    record, path, around = folder / "record", folder / "path", folder / "around"
    for made in (path, around / ".venv" / "bin"):
        made.mkdir(parents=True)
    (around / ".venv" / "bin" / "activate").touch()
    record.touch()
    for command in COMMANDS:
        stand_in = path / command
        stand_in.write_text(_STAND_IN.format(bash=bash, record=record), encoding="utf-8")
        stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    finished = subprocess.run(
        [str(bash), "-eu", "-c", code],
        cwd=around,
        env={"PATH": os.fspath(path), "HOME": os.fspath(around)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (finished.returncode, finished.stderr), finished.stderr
    return [call.split("\0")[:-1] for call in record.read_text(encoding="utf-8").split("\n\0")[:-1]]
