"""From a version's folder to a servable, and from that to one that is warm."""

from pathlib import Path

from tensorflow.core.protobuf import config_pb2

from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.tflite_servable import TFLITE_FILE, TfliteServable
from rnnzoo.serving.server.repository.warmup import warm_signatures, warm_up
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["load_servable", "warm_servable"]


def load_servable(
    name: str,
    version: int,
    folder: Path,
    *,
    session_config: config_pb2.ConfigProto | None = None,
    prefer_tflite_model: bool = False,
    tags: frozenset[str] = frozenset({"serve"}),
) -> Servable:
    """Loads a version.

    Args:
        name: the model's name.
        version: the number of its folder.
        folder: the version's folder.
        session_config: threads, devices and memory; as TensorFlow likes if None.
        prefer_tflite_model: whether a `model.tflite` in the folder is taken instead of the SavedModel.
        tags: those of the SavedModel's graph to load.

    Raises:
        StatusError: in TensorFlow Serving's words, if there is no SavedModel.
        ValueError: if it cannot be loaded.
    """
    if prefer_tflite_model and (folder / TFLITE_FILE).exists():
        return TfliteServable(name, version, folder)
    _check_saved_model(folder)
    return Servable(name, version, folder, session_config, tags)


def warm_servable(servable: Servable, iterations: int = 1) -> None:
    """Asks a version the warm-up records beside it, and an export of ours an empty text.

    Args:
        servable: the loaded version.
        iterations: how often each record is asked.

    Raises:
        StatusError: in TensorFlow Serving's words, if a request fails: such a version is not to be served.
    """
    warm_up(servable, iterations)
    if servable.own_export:
        warm_signatures(servable)


def _check_saved_model(folder: Path) -> None:
    if not any((folder / file).exists() for file in ("saved_model.pb", "saved_model.pbtxt")):
        raise StatusError(
            Code.NOT_FOUND,
            f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {folder}. Check that the "
            "directory exists and that you have the right permissions for accessing it.",
        )
