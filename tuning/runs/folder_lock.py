"""One process at a time writes to a folder. Needs no TensorFlow."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "FolderInUseError", "locked_folder"]

LOCK = ".lock"
"""The file in a folder that says, while it is locked, that somebody writes there. Left unlocked it means nothing."""


class FolderInUseError(OSError):
    """Another process writes to the folder."""


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made if it is not there, while the block runs.

    The system frees the lock when the process dies, however it dies. Where a file system has no locks, nobody is kept
    out.

    Raises:
        FolderInUseError: if another process holds the folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     with locked_folder(Path(path)):
    ...         during = os.listdir(path)
    ...     during, os.listdir(path)
    (['.lock'], [])
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(folder / LOCK)
    try:
        yield
    finally:
        if descriptor is not None:
            (folder / LOCK).unlink(missing_ok=True)
            os.close(descriptor)
        if is_new:
            with contextlib.suppress(OSError):  # it is not empty any more, as it should be
                folder.rmdir()


def _locked(path: Path) -> int | None:
    """The open lock file; None where there are no locks."""
    if fcntl is None:
        return None
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:  # whatever is in the way of this file will be in the way of the others, and they say it better
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            raise FolderInUseError(
                f"one process at a time may write to a folder, but another one writes to {path.parent}: "
                "wait until it is over, or end it."
            ) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
            path.unlink(missing_ok=True)
            return None
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # the one who held it took it away in between: another file has its name, or none


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
