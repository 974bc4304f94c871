"""Where rnnzoo keeps what can be made or downloaded again."""

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """`rnnzoo` in `$XDG_CACHE_HOME`, or in `~/.cache` where that is not set."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "rnnzoo"
