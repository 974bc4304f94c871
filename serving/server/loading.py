"""From a version's folder to a servable that is warm."""

from pathlib import Path

from tensorflow.core.protobuf import config_pb2

from rnnzoo.serving.server.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError
from rnnzoo.serving.server.tflite_servable import TFLITE_FILE, TfliteServable
from rnnzoo.serving.server.warmup import warm_signatures, warm_up

__all__ = ["load_servable"]


def load_servable(
    name: str,
    version: int,
    folder: Path,
    *,
    enable_model_warmup: bool = True,
    warmup_iterations: int = 1,
    session_config: config_pb2.ConfigProto | None = None,
    prefer_tflite_model: bool = False,
    tags: frozenset[str] = frozenset({"serve"}),
) -> Servable:
    """Loads a version, and asks it what lies beside it to be asked first.

    Args:
        name: the model's name.
        version: the number of its folder.
        folder: the version's folder.
        enable_model_warmup: whether to look for warm-up records, and to ask our own exports an empty text.
        warmup_iterations: how often each is asked.
        session_config: threads, devices and memory; as TensorFlow likes if None.
        prefer_tflite_model: whether a `model.tflite` in the folder is taken instead of the SavedModel.
        tags: those of the SavedModel's graph to load.

    Raises:
        StatusError: in TensorFlow Serving's words, if there is no SavedModel, or a warm-up request fails.
        ValueError: if it cannot be loaded.
    """
    if prefer_tflite_model and (folder / TFLITE_FILE).exists():
        servable: Servable = TfliteServable(name, version, folder)
    else:
        _check_saved_model(folder)
        servable = Servable(name, version, folder, session_config, tags)
    if enable_model_warmup:
        try:
            warm_up(servable, warmup_iterations)
            if servable.own_export:
                warm_signatures(servable)
        except BaseException:
            servable.close(drain=False)
            raise
    return servable


def _check_saved_model(folder: Path) -> None:
    if not any((folder / file).exists() for file in ("saved_model.pb", "saved_model.pbtxt")):
        raise StatusError(
            Code.NOT_FOUND,
            f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {folder}. Check that the "
            "directory exists and that you have the right permissions for accessing it.",
        )
