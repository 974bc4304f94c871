"""Which models and versions are served: numbered folders on disk, loaded and unloaded while requests go on."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rnnzoo.serving.server.repository.errors import check_folder, servable_id, unavailable
from rnnzoo.serving.server.repository.labels import UnavailableLabels, checked_labels
from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.version_folders import Fingerprint, fingerprint, numbered_folders, version_folders
from rnnzoo.serving.server.repository.version_states import State, Version, VersionState, status_of
from rnnzoo.serving.server.status import Code, StatusError, code_name, invalid

__all__ = ["Repository"]

_MOST_ENDED = 100  # versions of a model that are over and still told of
_log = logging.getLogger(__name__)


class Repository:
    """The loaded models. Threads may ask for models while another one refreshes.

    A new version is ready before the one it replaces goes, and that one goes when its last request is answered. What
    does not load is reported in `states` and tried again; neither disturbs the others.

    Args:
        models: by name, their settings, or only the folder with their numbered versions.
        load: makes a servable of a name, a version and a folder.
        warm: asks it what it is to be asked before anybody else does; None asks nothing.
        max_num_load_retries: how often a version that does not load is tried again.
        load_retry_seconds: the wait in between; less if its files change.
        unavailable_labels: which labels may stand for a version that is not loaded.
        patient: whether to wait for models that are not there yet and for versions that do not load, as TensorFlow
            Serving does when it starts; else those are errors at once.
        poll_seconds: how often to look while waiting.
        check_method_names: whether a signature's method name must suit the call (`enable_signature_method_name_check`);
            not by default, as in TensorFlow Serving.

    Raises:
        FileNotFoundError: if a model has no version, and the repository is not patient.
        ValueError: if no version of a model loads, and the repository is not patient.
        StatusError: if a label stands for a version that is not loaded; or, after all the patience, if none loads.
    """

    def __init__(
        self,
        models: Mapping[str, Path | ModelSettings],
        load: Callable[[str, int, Path], Servable] = Servable,
        warm: Callable[[Servable], None] | None = None,
        *,
        max_num_load_retries: int = 5,
        load_retry_seconds: float = 60.0,
        unavailable_labels: UnavailableLabels = UnavailableLabels.NONE,
        patient: bool = False,
        poll_seconds: float = 1.0,
        check_method_names: bool = False,
    ) -> None:
        self.check_method_names = check_method_names
        self._settings = _as_settings(models)
        self._load = load
        self._warm = warm
        self._retries = max_num_load_retries
        self._retry_seconds = load_retry_seconds
        self._unavailable_labels = unavailable_labels
        self._versions: dict[str, dict[int, Version]] = {name: {} for name in self._settings}
        self._ready: dict[str, dict[int, Servable]] = {}
        self._loaded: set[Servable] = set()  # all that take memory: also those that get warm, and those that go
        self._labels: dict[str, dict[str, int]] = {}
        self._complaints: dict[str, str] = {}
        self._closed = False
        self._lock = threading.Lock()  # held for moments: what requests wait for
        self._changing = threading.Lock()  # held while models load: one change after the other
        try:
            self._start(patient, poll_seconds)
        except BaseException:
            self.close()
            raise

    @property
    def names(self) -> list[str]:
        """The configured models."""
        with self._lock:
            return list(self._settings)

    @property
    def settings(self) -> dict[str, ModelSettings]:
        """The configured models with all that was said of them."""
        with self._lock:
            return dict(self._settings)

    @property
    def versions(self) -> dict[str, list[int]]:
        """The served versions of each model, oldest first."""
        with self._lock:
            return {name: sorted(self._ready.get(name, {})) for name in self._settings}

    @property
    def missing(self) -> list[str]:
        """The configured models of which no version answers."""
        with self._lock:
            return [name for name in self._settings if not self._ready.get(name)]

    @property
    def ready(self) -> bool:
        """Whether any model answers: one that does not must not take the others away from their callers."""
        with self._lock:
            return any(self._ready.get(name) for name in self._settings)

    def states(self, name: str) -> list[VersionState]:
        """All that were ever known of a model's versions, newest first; those of models that went as well."""
        with self._lock:
            known = self._versions.get(name, {})
            return [known[version].described() for version in sorted(known, reverse=True)]

    @contextmanager
    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Iterator[Servable]:
        """The model that a request asks for; it stays loaded until the context ends.

        Args:
            name: the model's name.
            version: the newest one if None.
            label: a name for a version, instead of its number.

        Raises:
            StatusError: with TensorFlow Serving's codes and messages, if there is none.
        """
        if not name:
            raise invalid("ModelSpec has no name specified.")
        with self._lock:
            if label is not None:
                version = self._labels.get(name, {}).get(label)
                if version is None:
                    raise invalid(f"Unrecognized servable version label: {label}")
            served = self._ready.get(name, {})
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
        """Looks at the folders again: what is new loads, what is gone or replaced goes.

        What cannot be read or loaded is logged and kept in `states`; what was served goes on.
        """
        with self._changing:
            for name, settings in self.settings.items():
                if self._closed:
                    return
                self._refresh_model(name, settings)

    def reconfigure(self, models: Mapping[str, ModelSettings]) -> None:
        """Other models from now on: new ones load, those that are no longer named go, the others are never disturbed.

        Raises:
            StatusError: with TensorFlow Serving's code and message, if a new model has no folder or no version, or a
                label stands for a version that is not loaded: then nothing has changed. If a new model does not load,
                or has no such version, the rest has changed, and it is tried again.
        """
        with self._changing:
            new = [name for name in models if name not in self._settings]
            for name in new:
                check_folder(name, models[name].base_path)
            labelled = {name: models[name] for name in models if name in self._labels}  # the others have to load first
            with self._lock:
                labels = checked_labels(labelled, self._ready, self._labels, self._unavailable_labels)
                gone = [name for name in self._settings if name not in models]
                self._settings = dict(models)
                self._labels = labels
                for name in new:  # whatever was wrong when they were served before, they are tried anew
                    known = self._versions.get(name, {})
                    self._versions[name] = {number: known[number] for number in known if known[number].error is None}
            for name in gone:
                self._unload(name, keep=())
            for name, settings in models.items():
                self._refresh_model(name, settings)
            if self._closed:
                return
            self._check_available(new)
            unlabelled = {name: models[name] for name in models if name not in labels}
            with self._lock:
                self._labels = labels | checked_labels(unlabelled, self._ready, {}, self._unavailable_labels)

    def close(self) -> None:
        """Closes every model, and fails the runs under way, also those that warm a version up."""
        with self._lock:
            self._closed = True
            self._ready = {}
            closing, self._loaded = self._loaded, set()
        for servable in closing:
            servable.close(drain=False)

    def _start(self, patient: bool, poll_seconds: float) -> None:
        if not patient:
            for settings in self._settings.values():
                version_folders(settings.base_path)
        self.refresh()
        while patient and self.missing:
            self._check_available([name for name in self._settings if self._given_up(name)])
            if poll_seconds <= 0:
                raise StatusError(Code.NOT_FOUND, "; ".join(self._complaints.values()) or "no model is available")
            time.sleep(poll_seconds)
            self.refresh()
        for name in self._settings:
            if not self._ready.get(name):
                broken = next(iter(self.states(name)), None)
                raise ValueError(
                    f"model {name} must have a version that loads"
                    + (f", but version {broken.version} does not: {broken.message}" if broken else ".")
                )
        with self._lock:
            self._labels = checked_labels(self._settings, self._ready, {}, self._unavailable_labels)

    def _refresh_model(self, name: str, settings: ModelSettings) -> None:
        try:
            folders = numbered_folders(settings.base_path)
        except OSError as error:
            self._complain(name, f"Could not find base path {settings.base_path} for servable {name}: {error}")
            return
        wanted = settings.policy.pick(folders)
        if wanted:
            self._complaints.pop(name, None)
        else:
            self._complain(
                name,
                f"No versions of servable {name} found under base path {settings.base_path}. "
                "Did you forget to name your leaf directory as a number (eg. '/1/')?",
            )
        for number in wanted:
            if self._closed:
                return
            self._load_if_due(name, number, folders[number])
        # As long as none of the wanted versions answers, the ones before them do.
        if not wanted or any(number in self._ready.get(name, {}) for number in wanted):
            self._unload(name, keep=wanted)

    def _load_if_due(self, name: str, number: int, folder: Path) -> None:
        with self._lock:
            version = self._versions[name].get(number)
            if version is None or version.state is State.UNLOADING:  # wanted again: loaded beside the one that goes
                version = self._versions[name][number] = Version(number, folder)
        if version.folder != folder and version.state is State.AVAILABLE:
            _log.warning(
                "model %s: version %d is served as it was loaded, from %s, not from %s: another model needs another "
                "number",
                *(name, number, version.folder, folder),
            )
        version.folder = folder
        if not version.due():
            return
        files = fingerprint(folder)
        version.state = State.LOADING
        try:
            servable = self._load_still(name, number, folder, files)
        except Exception as error:  # whatever it is, the other models go on
            if self._closed:
                return
            with self._lock:
                version.failed(status_of(error), files, self._retries, self._retry_seconds)
            told = version.described()
            _log.error(
                "Loading servable: %s failed: %s: %s", servable_id(name, number), code_name(told.code), told.message
            )
            return
        with self._lock:
            if self._closed:
                return
            version.state, version.error, version.attempts = State.AVAILABLE, None, 0
            self._ready.setdefault(name, {})[number] = servable
        _log.info("Successfully loaded servable version %s", servable_id(name, number))

    def _load_still(self, name: str, number: int, folder: Path, files: Fingerprint) -> Servable:
        servable = self._load(name, number, folder)
        with self._lock:
            self._loaded.add(servable)
        try:
            if self._closed:  # since before `close` could have found it
                raise StatusError(Code.CANCELLED, "the server is ending.")
            if self._warm is not None:
                self._warm(servable)
            if fingerprint(folder) != files:
                # Half of an export loads, too, as a model that is not known as ours: never batched, never streamed.
                raise StatusError(
                    Code.UNAVAILABLE, f"a version's files must lie still while it loads, but got {folder}."
                )
        except BaseException:
            self._free(servable, drain=False)
            raise
        return servable

    def _free(self, servable: Servable, drain: bool) -> None:
        servable.close(drain)
        with self._lock:
            self._loaded.discard(servable)

    def _unload(self, name: str, keep: list[int] | tuple[int, ...]) -> None:
        with self._lock:
            if self._closed:
                return
            versions = self._versions.get(name, {})
            leaving = [version for version in versions.values() if version.number not in keep]
            for version in leaving:
                if version.state is State.AVAILABLE:
                    servable = self._ready[name][version.number]
                    # In a thread of its own: a request that takes long must not hold up the other models. Where there
                    # is no thread to be had, the version stays until the next look.
                    threading.Thread(
                        target=self._drain, args=(name, version, servable), name="rnnzoo-unload", daemon=True
                    ).start()
                    del self._ready[name][version.number]
                    version.state = State.UNLOADING
                elif version.state in (State.START, State.LOADING):
                    version.cancelled()
            ended = sorted(version.number for version in leaving if version.state is State.END)
            for number in ended[:-_MOST_ENDED]:
                del versions[number]

    def _drain(self, name: str, version: Version, servable: Servable) -> None:
        self._free(servable, drain=True)
        with self._lock:
            version.state = State.END
        _log.info("Done unloading servable version %s", servable_id(name, version.number))

    def _check_available(self, names: list[str]) -> None:
        missing = {name: self.states(name) for name in names if not self._ready.get(name)}
        if missing:
            raise unavailable(missing)

    def _given_up(self, name: str) -> bool:
        states = self.states(name)
        return bool(states) and all(state.state is State.END for state in states)

    def _complain(self, name: str, message: str) -> None:
        if self._complaints.get(name) != message:  # once, not at every look
            self._complaints[name] = message
            _log.warning("%s", message)


def _as_settings(models: Mapping[str, Path | ModelSettings]) -> dict[str, ModelSettings]:
    return {
        name: model if isinstance(model, ModelSettings) else ModelSettings(base_path=Path(model))
        for name, model in models.items()
    }
