"""Silences what TensorFlow says of itself. Has to be done before it is imported."""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator

__all__ = ["import_tensorflow", "quiet", "start_quietly"]


def quiet() -> None:
    """Let errors through and nothing below, unless the environment asks for more."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def import_tensorflow() -> None:
    """Import TensorFlow, silently if TF_CPP_MIN_LOG_LEVEL says so: on its own it writes before it reads that."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") == "0":
        return
    with _native_stderr_kept_back():
        import tensorflow  # noqa: F401


def start_quietly() -> None:
    """What a process does first that another one started: it is as silent as that one."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") != "0":
        quiet()
        import_tensorflow()


@contextlib.contextmanager
def _native_stderr_kept_back() -> Iterator[None]:
    """Keeps back what C++ writes to standard error; it is shown after all if the block fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except Exception:  # not Ctrl-C, after which nobody wants to read it
            written.seek(0)
            with os.fdopen(os.dup(stderr), "wb") as shown:
                shutil.copyfileobj(written, shown)
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
