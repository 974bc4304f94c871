"""Files and folders on disk that are there whole, or not at all, whenever the process may end."""

import glob
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

__all__ = [
    "atomic_file",
    "atomic_folder",
    "check_is_writable",
    "json_file",
    "named_in_errors",
    "new_folder",
    "recover_folder",
    "write_json",
    "write_together",
    "write_whole",
]

_PARTIAL = ".partial"
_ABANDONED = 24 * 3600  # seconds without a change


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that becomes `path` once the block has ended well; until then `path` is what it was.

    Raises:
        OSError: with `path` as its filename, if it cannot be written.
    """
    with named_in_errors(path):
        _clear_abandoned(path)
        temporary = _temporary(path)
        try:
            with temporary.open("xb") as file:
                yield file
                _have_on_disk(file)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole, or as it was."""
    with atomic_file(path) as file:
        file.write(content)


def write_together(contents: dict[Path, bytes]) -> None:
    """Write files of which none takes its name before all are on the disk; then each does, in the order given.

    A death between two of these moves leaves new files beside old ones: the first should tell which ones go with it.
    """
    with ExitStack() as moves:
        for path, content in reversed(contents.items()):  # the last one entered is left first
            file = moves.enter_context(atomic_file(path))
            file.write(content)
            _have_on_disk(file)


def write_json(path: Path, content: Any, indent: int = 2) -> None:
    """Write a JSON file that is there whole, or as it was. See `json_file`."""
    write_whole(path, json_file(content, indent))


def json_file(content: Any, indent: int = 2) -> bytes:
    r"""The content of a JSON file, for people to read, too: lines that are indented, letters as they are.

    Raises:
        ValueError: for NaN and infinity, which JSON does not know.

    >>> json_file({"word": "naïve"})
    b'{\n  "word": "na\xc3\xafve"\n}\n'
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    # A name of a file that is no UTF-8 has letters that UTF-8 does not know: they become JSON's \udc80.
    return f"{text}\n".encode(errors="backslashreplace")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that becomes `path` once the block has ended well; until then `path` is what it was.

    No system call swaps two folders everywhere, so there is an instant in which the old folder is aside, as
    `.<name>.old`, and the new one not yet there: `recover_folder` undoes a death in that instant.

    Raises:
        OSError: with `path` as its filename, if it cannot be written.
    """

    def replace(temporary: Path) -> None:
        recover_folder(path)
        if path.exists():
            path.rename(_aside(path))
        temporary.rename(path)

    with _named_when_whole(path, replace) as temporary:
        yield temporary
    shutil.rmtree(_aside(path), ignore_errors=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that becomes `path` once the block has ended well, unless there is one with files by then.

    Raises:
        OSError: with `path` as its filename, if it cannot be written, or is there.
    """
    with _named_when_whole(path, lambda temporary: temporary.rename(path)) as temporary:
        yield temporary


def check_is_writable(folder: Path) -> None:
    """See that a folder can be written to, or made where there is none yet; makes nothing.

    Raises:
        OSError: if it cannot, with what is in the way as its filename.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(there)) from error


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """An error of a write, which names no file, or of a temporary name, which nobody knows, is one of `path`."""
    try:
        yield
    except OSError as error:
        if error.errno and (error.filename is None or str(error.filename).startswith(str(path.parent / _prefix(path)))):
            error.filename = str(path)
        raise


def recover_folder(path: Path) -> None:
    """Put `path` back to where a process that died within `atomic_folder` took it from."""
    if _aside(path).exists():
        if path.exists():
            shutil.rmtree(_aside(path))
        else:
            _aside(path).rename(path)


@contextmanager
def _named_when_whole(path: Path, name: Callable[[Path], object]) -> Iterator[Path]:
    """A temporary folder that `name` calls `path` once the block has ended well."""
    with named_in_errors(path):
        _clear_abandoned(path)
        temporary = _temporary(path)
        temporary.mkdir()
        try:
            yield temporary
            for one in (*temporary.rglob("*"), temporary):  # before its name: a power cut must not leave it empty
                _sync(one)
            name(temporary)
            _sync(path.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _prefix(path: Path) -> str:
    return f".{path.name}."


def _temporary(path: Path) -> Path:
    return path.with_name(f"{_prefix(path)}{secrets.token_hex(4)}{_PARTIAL}")


def _clear_abandoned(path: Path) -> None:
    """Remove what writes of `path` that were killed have left; what is young may be of one that goes on."""
    for one in path.parent.glob(f"{glob.escape(_prefix(path))}{'[0-9a-f]' * 8}{_PARTIAL}"):
        with suppress(OSError):  # another process clears as well, or it is another user's
            if time.time() - one.stat().st_mtime > _ABANDONED:
                shutil.rmtree(one) if one.is_dir() else one.unlink()


def _aside(path: Path) -> Path:
    return path.with_name(f"{_prefix(path)}old")


def _have_on_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if path.is_file():  # else it is a file system that syncs no folders
            raise
    finally:
        os.close(descriptor)
