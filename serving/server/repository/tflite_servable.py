"""A TensorFlow Lite model that stands beside a SavedModel, or in its place."""

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["TFLITE_FILE", "TfliteServable"]

TFLITE_FILE = "model.tflite"
_Runner = Callable[..., dict[str, np.ndarray]]


class TfliteServable(Servable):
    """The `model.tflite` of a version's folder, with the signatures that it was converted with.

    A model without signatures has one, `serving_default`, whose inputs and outputs are called as its tensors are. One
    run at a time, as an interpreter can; a run is not ended by its timeout.

    Args:
        name: the model's name.
        version: the number of its folder.
        folder: the version's folder, with `model.tflite` in it.

    Raises:
        ValueError: if the file is no TensorFlow Lite model.
    """

    def __init__(self, name: str, version: int, folder: Path) -> None:
        self._one_at_a_time = threading.Lock()
        self._runners: dict[str, _Runner] = {}
        super().__init__(name, version, folder)
        self.own_export = False  # whatever lies beside it

    def _load(self, session_config: config_pb2.ConfigProto | None) -> dict[str, meta_graph_pb2.SignatureDef]:
        path = self.folder / TFLITE_FILE
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it has a successor, which TensorFlow does not bring
                interpreter = tf.lite.Interpreter(model_content=path.read_bytes())
            keys = list(interpreter.get_signature_list())
            if not keys:
                interpreter.allocate_tensors()
                self._runners[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY] = _plain_runner(interpreter)
                inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
                return {
                    tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: _signature(
                        {detail["name"]: detail for detail in inputs}, {detail["name"]: detail for detail in outputs}
                    )
                }
            runners = {key: interpreter.get_signature_runner(key) for key in keys}
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{TFLITE_FILE} must be a TensorFlow Lite model, but got in {path}: {error}") from error
        self._runners.update(runners)
        return {
            key: _signature(runner.get_input_details(), runner.get_output_details()) for key, runner in runners.items()
        }

    def run(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None = None
    ) -> list[np.ndarray]:
        key = self._asked(feeds, fetches)
        signature = self.signatures[key]
        try:
            with self._one_at_a_time:
                if key not in self._runners:
                    raise StatusError(Code.UNAVAILABLE, "the model has been unloaded.")
                answer = self._runners[key](**{alias: feeds[info.name] for alias, info in signature.inputs.items()})
        except (ValueError, RuntimeError) as error:
            raise StatusError(Code.INVALID_ARGUMENT, str(error)) from error
        values = {info.name: answer[alias] for alias, info in signature.outputs.items()}
        return [values[name] for name in fetches]

    def _asked(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]) -> str:
        for key, signature in self.signatures.items():
            inputs = {info.name for info in signature.inputs.values()}
            if inputs == feeds.keys() and {info.name for info in signature.outputs.values()} >= set(fetches):
                return key
        raise StatusError(Code.INVALID_ARGUMENT, f"no signature has just the inputs {sorted(feeds)}.")

    def _free(self) -> None:
        with self._one_at_a_time:
            self._runners.clear()


def _plain_runner(interpreter: Any) -> _Runner:
    def run(**feeds: np.ndarray) -> dict[str, np.ndarray]:
        details = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
        for name, array in feeds.items():
            interpreter.resize_tensor_input(details[name], array.shape)
        interpreter.allocate_tensors()
        for name, array in feeds.items():
            interpreter.set_tensor(details[name], array)
        interpreter.invoke()
        return {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()}

    return run


def _signature(
    inputs: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Mapping[str, Any]]
) -> meta_graph_pb2.SignatureDef:
    signature = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
    for details, infos in ((inputs, signature.inputs), (outputs, signature.outputs)):
        for alias, detail in details.items():
            infos[alias].name = detail["name"]
            infos[alias].dtype = tf.as_dtype(detail["dtype"]).as_datatype_enum
            for size in detail["shape_signature"]:
                infos[alias].tensor_shape.dim.add(size=int(size))
    return signature
