"""What is wrong with models that cannot be served, in TensorFlow Serving's words."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnzoo.serving.server.repository.version_folders import numbered_folders
from rnnzoo.serving.server.repository.version_states import VersionState
from rnnzoo.serving.server.status import Code, StatusError, code_name, invalid

__all__ = ["check_folder", "servable_id", "unavailable"]


def check_folder(name: str, base_path: Path) -> None:
    """Raises a StatusError if a model has no folder, or none with a version."""
    try:
        found = numbered_folders(base_path)
    except OSError as error:
        raise invalid(
            f"Could not find base path {base_path} for servable {name} with error NOT_FOUND: {base_path} not found"
        ) from error
    if not found:
        raise StatusError(
            Code.NOT_FOUND, f"Unable to find a numerical version path for servable {name} at: {base_path}"
        )


def unavailable(missing: Mapping[str, Sequence[VersionState]]) -> StatusError:
    """The error of models none of whose versions loads: by name, their versions, newest first.

    >>> unavailable({"lstm": []}).message
    '1 model(s) did not become available: {{name: lstm} has no version, }'
    """
    told = "".join(f"{_told(name, states)}, " for name, states in missing.items())
    return StatusError(Code.UNKNOWN, f"{len(missing)} model(s) did not become available: {{{told}}}")


def _told(name: str, states: Sequence[VersionState]) -> str:
    if not states:
        return f"{{name: {name}}} has no version"
    newest = states[0]
    if not newest.code:
        return f"{servable_id(name, newest.version)} is in state {newest.state.name}"
    return f"{{{servable_id(name, newest.version)} due to error: {code_name(newest.code)}: {newest.message}}}"


def servable_id(name: str, version: int) -> str:
    """A version as it is called in messages.

    >>> servable_id("lstm", 3)
    '{name: lstm version: 3}'
    """
    return f"{{name: {name} version: {version}}}"
