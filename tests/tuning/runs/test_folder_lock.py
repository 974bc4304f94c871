"""A folder has one writer, for as long as it lives."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.tuning.runs.folder_lock import LOCK, FolderInUseError, locked_folder

HOLD = """
import sys, time
from pathlib import Path
from rnnzoo.tuning.runs.folder_lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_another_process_is_kept_out_until_the_first_one_dies(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        with pytest.raises(FolderInUseError, match=rf"another one writes to {tmp_path}: wait .*, or end it\."):
            locked_folder(tmp_path).__enter__()
        holder.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK).exists()
    with locked_folder(tmp_path):
        pass
    assert [] == list(tmp_path.iterdir())


def test_nothing_is_left_of_a_folder_in_which_nothing_was_made(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "empty"):
        assert (tmp_path / "empty").is_dir()
    with locked_folder(tmp_path / "full"):
        (tmp_path / "full" / "run.json").touch()
    assert ["full"] == [path.name for path in tmp_path.iterdir()]


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked_folder(tmp_path), locked_folder(tmp_path):
        assert [] == list(tmp_path.iterdir())
