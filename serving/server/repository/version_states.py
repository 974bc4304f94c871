"""The life of a version: START, LOADING, AVAILABLE, UNLOADING, END."""

import enum
import time
from dataclasses import dataclass, field
from pathlib import Path

import tensorflow as tf

from rnnzoo.serving.server.repository.version_folders import Fingerprint, fingerprint
from rnnzoo.serving.server.status import Code, StatusError, status_of_error

__all__ = ["State", "Version", "VersionState", "status_of"]


class State(enum.IntEnum):
    """The states of get_model_status.proto, by their numbers there."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionState:
    """What a caller is told of a version.

    Attributes:
        version: its number.
        state: where it stands.
        code: 0, or that of the error by which it did not load.
        message: the error's.
    """

    version: int
    state: State
    code: int = 0
    message: str = ""


@dataclass
class Version:
    """What a repository knows of a version, and when to try again if it did not load.

    A broken version is tried again when its files have changed since, and then lain still from one look to the next
    (a copy that was caught half-way is loaded as soon as it is whole), else after the usual wait.

    Attributes:
        number: of the version.
        folder: where it lies.
        state: where it stands.
        error: the last one; None if it loaded.
        attempts: how often loading has failed.
    """

    number: int
    folder: Path
    state: State = State.START
    error: StatusError | None = None
    attempts: int = 0
    _retry_at: float = 0.0
    _failed_files: Fingerprint | None = field(default=None, repr=False)
    _seen_files: Fingerprint | None = field(default=None, repr=False)

    def described(self) -> VersionState:
        """As a caller is told."""
        if self.error is None:
            return VersionState(self.number, self.state)
        return VersionState(self.number, self.state, self.error.code, self.error.message)

    def due(self) -> bool:
        """Whether to try to load it now."""
        if self.state is State.START:
            return True
        if self.error is None:
            return self.state is State.END  # it was unloaded, and is wanted again
        before, self._seen_files = self._seen_files, fingerprint(self.folder)
        if self._seen_files != self._failed_files and self._seen_files == before:
            self.attempts = 0
            return True
        return self.state is State.LOADING and time.monotonic() >= self._retry_at

    def cancelled(self) -> None:
        """It is wanted no more, before it ever loaded; if it is wanted again, loading begins anew."""
        self.state, self.attempts, self._failed_files = State.END, 0, None

    def failed(self, error: StatusError, files: Fingerprint, retries: int, wait_seconds: float) -> None:
        """It did not load; `files` is the folder's fingerprint from before."""
        self.error = error
        self.attempts += 1
        self.state = State.LOADING if self.attempts <= retries else State.END
        self._retry_at = time.monotonic() + wait_seconds
        self._failed_files = self._seen_files = files


def status_of(error: Exception) -> StatusError:
    """The code and the message of whatever kept a model from loading."""
    if isinstance(error, StatusError | MemoryError):
        return status_of_error(error)
    for raised in (error, error.__cause__):
        if isinstance(raised, tf.errors.OpError):
            return StatusError(raised.error_code, str(raised.message))
    code = Code.NOT_FOUND if isinstance(error, FileNotFoundError) else Code.UNKNOWN
    return StatusError(Code.INVALID_ARGUMENT if isinstance(error, ValueError) else code, str(error))
