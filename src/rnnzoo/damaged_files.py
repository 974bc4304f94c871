"""What is said of a file that rnnzoo wrote and can no longer read: which one, what is wrong with it, the way out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["DamagedFileError", "named_damage"]


class DamagedFileError(ValueError):
    """A file that is not as it was written."""


@contextmanager
def named_damage(path: Path, way_out: str, writer: str = "rnnzoo") -> Iterator[None]:
    """Raise a DamagedFileError that names the file, whatever the block that reads it stumbles over.

    Of blocks in one another, the innermost names its file. An OSError, which says itself what it is about, passes.

    Args:
        path: the file.
        way_out: what to do now, as an imperative.
        writer: who wrote it.

    Example:
        >>> with named_damage(Path("run.json"), "train anew"):
        ...     {}["network"]
        Traceback (most recent call last):
            ...
        rnnzoo.damaged_files.DamagedFileError: run.json must be as rnnzoo wrote it, but it is not: it lacks \
'network'; train anew.
    """
    try:
        yield
    except DamagedFileError:
        raise
    except json.JSONDecodeError as error:
        raise _damage(path, writer, f"it is no JSON (line {error.lineno}, column {error.colno})", way_out) from error
    except UnicodeDecodeError as error:
        raise _damage(path, writer, f"it is no UTF-8 (byte {error.start})", way_out) from error
    except ValueError as error:
        raise _damage(path, writer, str(error).removesuffix("."), way_out) from error
    except KeyError as error:
        raise _damage(path, writer, f"it lacks {error}", way_out) from error
    except (TypeError, AttributeError) as error:
        raise _damage(path, writer, "what it holds has another structure", way_out) from error


def _damage(path: Path, writer: str, found: str, way_out: str) -> DamagedFileError:
    return DamagedFileError(f"{path} must be as {writer} wrote it, but it is not: {found}; {way_out}.")
