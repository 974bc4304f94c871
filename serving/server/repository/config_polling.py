"""The model configuration file, read again and again: other models without a restart."""

import asyncio
import logging

from rnnzoo.serving.server.calls.model_management import read_model_config
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.status import StatusError

__all__ = ["make_part"]

_log = logging.getLogger(__name__)


def make_part(core: Core) -> "_ConfigPolling | None":
    """What reads the file, if the settings want it."""
    wanted = core.settings.model_config_file and core.settings.model_config_file_poll_seconds > 0
    return _ConfigPolling(core) if wanted else None


class _ConfigPolling:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._task: asyncio.Task[None] | None = None
        self._complaint = ""
        self._applied = core.repository.settings  # what the file said last; requests may have changed it since

    async def start(self) -> None:
        self._task = asyncio.create_task(self._poll())

    async def stop(self, grace: float | None) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._core.settings.model_config_file_poll_seconds)
            try:
                await asyncio.to_thread(self._reload)
            except Exception:  # such as no thread to be had for a moment
                _log.exception("following %s failed; it is read again", self._core.settings.model_config_file)

    def _reload(self) -> None:
        repository, settings = self._core.repository, self._core.settings
        before = repository.settings
        try:
            models = read_model_config(settings.model_config_file, served=before)
            if models != self._applied or settings.reapply_model_config_file:
                repository.reconfigure(models)
                self._applied = models
        except (OSError, ValueError) as error:
            self._complain(f"Failed to read ModelServerConfig file: {error}; the models stay as they are.")
        except StatusError as error:
            stay = "; the models stay as they are." if repository.settings == before else ""
            self._complain(f"PollFilesystemAndReloadConfig failed to ReloadConfig: {error.message}{stay}")
        else:
            self._complaint = ""
        finally:  # a model that does not load does not keep the others from going
            self._tell(set(before), set(repository.settings))

    def _tell(self, before: set[str], after: set[str]) -> None:
        if before != after:
            _log.warning(  # to be seen: a model that goes is missed by somebody
                "%s adds the models [%s] and removes [%s].",
                self._core.settings.model_config_file,
                ", ".join(sorted(after - before)),
                ", ".join(sorted(before - after)),
            )

    def _complain(self, message: str) -> None:
        if message != self._complaint:  # once, not at every look
            self._complaint = message
            _log.error("%s", message)
