"""From a version's folder to a servable that is warm."""

from pathlib import Path

from rnnzoo.serving.server.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["load_servable"]


def load_servable(name: str, version: int, folder: Path) -> Servable:
    """Loads a version.

    Raises:
        StatusError: in TensorFlow Serving's words, if there is no SavedModel.
        ValueError: if it cannot be loaded.
    """
    if not any((folder / file).exists() for file in ("saved_model.pb", "saved_model.pbtxt")):
        raise StatusError(
            Code.NOT_FOUND,
            f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {folder}. Check that the "
            "directory exists and that you have the right permissions for accessing it.",
        )
    return Servable(name, version, folder)
