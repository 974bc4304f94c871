"""Which models and versions are served: numbered folders on disk, the newest one wins."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rnnzoo.serving.server.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["Repository", "version_folders"]

_VERSION = re.compile(r"\s*[+-]?[0-9]+\s*")
_RETRY_SECONDS = 60.0  # TensorFlow Serving's own wait before it tries a broken version again
_log = logging.getLogger(__name__)


def version_folders(base_path: Path) -> dict[int, Path]:
    """The versions of a model, oldest first: every folder whose name is an integer (`00000123` is version 123).

    Raises:
        FileNotFoundError: if there is no such folder, or none that is named by a number.
    """
    if not base_path.is_dir():
        raise FileNotFoundError(f"a model's base path must be a folder of numbered versions, but got {base_path}.")
    numbered = [child for child in base_path.iterdir() if _VERSION.fullmatch(child.name) and child.is_dir()]
    if not numbered:
        hint = " Pass the folder above it." if (base_path / "saved_model.pb").exists() else ""
        raise FileNotFoundError(
            f"a model's base path must hold at least one version (such as {base_path / '1'}), but got {base_path} "
            f"without any.{hint}"
        )
    # Of several spellings of one number, TensorFlow Serving takes the last by name.
    found = {int(child.name): child for child in sorted(numbered, key=lambda child: child.name)}
    return dict(sorted(found.items()))


class Repository:
    """The loaded models. Threads may ask for models while another one refreshes.

    Args:
        base_paths: for each model's name, the folder with its numbered versions.
        keep: how many of the newest versions of each model are served; 1, as in TensorFlow Serving.
        load: makes a servable of a name, a version and a folder.

    Raises:
        FileNotFoundError: if a model has no version.
        ValueError: if `keep` is not positive, or the newest versions of a model cannot be loaded.
    """

    def __init__(
        self,
        base_paths: Mapping[str, Path],
        keep: int = 1,
        load: Callable[[str, int, Path], Servable] = Servable,
    ) -> None:
        if keep < 1:
            raise ValueError(f"keep must be a positive number of versions, but got {keep=}.")
        self._base_paths = {name: Path(path) for name, path in base_paths.items()}
        self._keep = keep
        self._load = load
        self._served: dict[str, dict[int, Servable]] = {}
        self._lock = threading.Lock()
        self._retry_at: dict[Path, float] = {}
        for name, path in self._base_paths.items():
            newest = list(version_folders(path).items())[-keep:]
            self._served[name] = {version: load(name, version, folder) for version, folder in newest}

    @property
    def versions(self) -> dict[str, list[int]]:
        """The served versions of each model, oldest first."""
        with self._lock:
            return {name: sorted(served) for name, served in self._served.items()}

    @contextmanager
    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Iterator[Servable]:
        """The model that a request asks for; it stays loaded until the context ends.

        Args:
            name: the model's name.
            version: the newest one if None.
            label: a name for a version; no labels are known yet.

        Raises:
            StatusError: with TensorFlow Serving's codes and messages, if there is none.
        """
        if not name:
            raise StatusError(Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        if label is not None:
            raise StatusError(Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
        with self._lock:
            served = self._served.get(name, {})
            servable = served.get(max(served, default=0) if version is None else version)
            if servable is None:
                request = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {request}")
            servable.acquire()  # under the lock: a refresh must not close it in between
        try:
            yield servable
        finally:
            servable.release()

    def refresh(self) -> None:
        """Looks at the folders again: new versions load first, then the ones they replace are closed.

        What cannot be read or loaded is logged, and tried again a minute later; what was served goes on.
        """
        for name, path in self._base_paths.items():
            try:
                folders = version_folders(path)
            except OSError as error:
                _log.warning("model %s keeps its versions: %s", name, error)
                continue
            wanted = dict(list(folders.items())[-self._keep :])
            served = dict(self._served[name])
            for version, folder in wanted.items():
                if version not in served:
                    self._try_load(name, version, folder, served)
            if wanted.keys() <= served.keys():
                served = {version: served[version] for version in wanted}
            with self._lock:
                replaced, self._served[name] = self._served[name], served
            for version in replaced.keys() - served.keys():
                replaced[version].close()
                _log.info("model %s: closed version %d", name, version)

    def close(self) -> None:
        """Closes every model, and fails the runs under way."""
        with self._lock:
            closing = [servable for served in self._served.values() for servable in served.values()]
            self._served = {name: {} for name in self._served}
        for servable in closing:
            servable.close(drain=False)

    def _try_load(self, name: str, version: int, folder: Path, served: dict[int, Servable]) -> None:
        if time.monotonic() < self._retry_at.get(folder, 0.0):
            return
        try:
            served[version] = self._load(name, version, folder)
        except (OSError, ValueError) as error:
            self._retry_at[folder] = time.monotonic() + _RETRY_SECONDS
            _log.warning("model %s: version %d is left out: %s", name, version, error)
        else:
            _log.info("model %s: loaded version %d", name, version)
