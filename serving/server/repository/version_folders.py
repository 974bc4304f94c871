"""The versions of a model on disk: numbered folders."""

import os
import re
from pathlib import Path

__all__ = ["Fingerprint", "fingerprint", "numbered_folders", "version_folders"]

Fingerprint = frozenset[tuple[str, int, int]]

_VERSION = re.compile(r"\s*[+-]?[0-9]+\s*")
_LARGEST = 2**63 - 1  # of an int64, which a version is


def version_folders(base_path: Path) -> dict[int, Path]:
    """The versions of a model, oldest first: every folder whose name is an integer (`00000123` is version 123).

    Raises:
        FileNotFoundError: if there is no such folder, or none that is named by a number.
    """
    found = numbered_folders(base_path)
    if not found:
        hint = " Pass the folder above it." if (base_path / "saved_model.pb").exists() else ""
        raise FileNotFoundError(
            f"a model's base path must hold at least one version (such as {base_path / '1'}), but got {base_path} "
            f"without any.{hint}"
        )
    return found


def numbered_folders(base_path: Path) -> dict[int, Path]:
    """The same, where there may be none.

    Raises:
        FileNotFoundError: if there is no such folder.
        OSError: if it cannot be read.
    """
    if not base_path.is_dir():
        raise FileNotFoundError(f"a model's base path must be a folder of numbered versions, but got {base_path}.")
    # Of several spellings of one number, TensorFlow Serving takes the last by name.
    children = sorted(base_path.iterdir(), key=lambda child: child.name)
    numbered = {int(child.name): child for child in children if _VERSION.fullmatch(child.name) and child.is_dir()}
    return {version: numbered[version] for version in sorted(numbered) if abs(version) <= _LARGEST}


def fingerprint(folder: Path) -> Fingerprint:
    """What tells a folder from the same folder with other contents: each file's path, size and time of change."""
    files = set()
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            try:
                facts = os.stat(path)
            except OSError:  # gone since it was listed
                continue
            files.add((os.path.relpath(path, folder), facts.st_size, facts.st_mtime_ns))
    return frozenset(files)
