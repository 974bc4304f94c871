"""One loaded version of one model: any SavedModel, run the way TensorFlow Serving runs it."""

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2
from tensorflow.python.client import pywrap_tf_session as tf_session

from rnnzoo.serving.server.status import Code, StatusError, invalid, status_of_error

__all__ = ["Servable", "read_meta_graph"]

_INIT_SIGNATURE = "__saved_model_init_op"
_MOST_MILLISECONDS = 2**62
_NO_FEED, _NO_FETCH = "FeedInputs: unable to find feed output {}", "FetchOutputs node {}: not found"


class Servable:
    """A SavedModel in memory.

    It runs in a session of its own, fed and fetched by tensor name: that is what TensorFlow Serving does, so old
    TensorFlow 1 models, inputs with defaults, partly fetched outputs and the texts of failing ops come out alike, and
    `close` gives the memory back at once.

    Args:
        name: the model's name.
        version: the number of its folder.
        folder: the version's folder, with `saved_model.pb` in it.
        session_config: threads, devices and memory; as TensorFlow likes if None.
        tags: those of the graph to load; `serve` by default, as in TensorFlow Serving.

    Attributes:
        own_export: whether `rnnzoo export` wrote it: in all of its signatures each row is answered for itself.
        signatures: by name, as the SavedModel has them.

    Raises:
        ValueError: if the folder holds no SavedModel that is tagged so, or one that cannot be loaded.
    """

    def __init__(
        self,
        name: str,
        version: int,
        folder: Path,
        session_config: config_pb2.ConfigProto | None = None,
        tags: frozenset[str] = frozenset({tf.saved_model.SERVING}),
    ) -> None:
        self.name = name
        self.version = version
        self.folder = folder
        self.tags = tags
        self._users = 0
        self._idle = threading.Condition()
        self.signatures = self._load(session_config)
        self.own_export = _is_own_export(folder)  # after the rest: whoever copies an export may copy this file last

    def _load(self, session_config: config_pb2.ConfigProto | None) -> dict[str, meta_graph_pb2.SignatureDef]:
        meta_graph = read_meta_graph(self.folder, self.tags)
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(
            graph=self._graph, config=session_config or config_pb2.ConfigProto(allow_soft_placement=True)
        )
        self._outputs: dict[str, Any] = {}
        try:
            with self._graph.as_default():
                self._feeds = _feeds_of_any_shape(meta_graph)
                self._restore(meta_graph)
                self._session._extend_graph()
        except Exception as error:
            self._session.close()
            raise ValueError(f"the SavedModel in {self.folder} must load, but got: {error}") from error
        return dict(meta_graph.signature_def)

    def _restore(self, meta_graph: meta_graph_pb2.MetaGraphDef) -> None:
        saver = tf.compat.v1.train.import_meta_graph(meta_graph, clear_devices=True, input_map=self._feeds)
        if saver is not None:  # the model has variables
            saver.restore(self._session, str(self.folder / "variables" / "variables"))
        assets = _assets(meta_graph, self.folder)
        for operation in _initializers(meta_graph):
            self._session.run(self._graph.get_operation_by_name(operation), feed_dict=assets)

    def acquire(self) -> None:
        """Keeps the model loaded until as many calls of `release`."""
        with self._idle:
            self._users += 1

    def release(self) -> None:
        with self._idle:
            self._users -= 1
            self._idle.notify_all()

    def run(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None = None
    ) -> list[np.ndarray]:
        """Values of the tensors named `fetches`.

        Args:
            feeds: arrays by tensor name, of the types that the graph wants; shapes are the ops' own business.
            fetches: tensor names.
            timeout: seconds after which the run is given up; no limit if None.

        Raises:
            StatusError: with the code and the text of the op that failed.
        """
        wanted = tuple(sorted({name for name in fetches if name not in feeds}))
        try:
            values = self._values(feeds, wanted, timeout) if wanted else ()
            found = {**feeds, **dict(zip(wanted, values, strict=True))}
            return [found[name] for name in fetches]
        except tf.errors.OpError as error:
            raise StatusError(error.error_code, str(error.message)) from error
        except MemoryError as error:
            raise status_of_error(error) from error
        except UnicodeDecodeError as error:  # of an op's words that quote other bytes: its code is lost, they are not
            raise invalid(error.object.decode(errors="replace")) from error
        except (ValueError, TypeError) as error:
            raise invalid(str(error)) from error

    def _values(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout: float | None
    ) -> list[np.ndarray]:
        # What `Session.run` does, less its look at structures and shapes, which takes longer than a small model. A
        # callable made of the session would be as quick, but optimizes the graph anew for every time limit.
        options = None
        if timeout is not None:
            limit = config_pb2.RunOptions(timeout_in_ms=max(1, min(int(timeout * 1000), _MOST_MILLISECONDS)))
            options = tf_session.TF_NewBufferFromString(limit.SerializeToString())
        try:
            return self._session._call_tf_sessionrun(
                options,
                {self._output(name, _NO_FEED): array for name, array in feeds.items()},
                [self._output(name, _NO_FETCH) for name in fetches],
                [],
                None,
            )
        finally:
            if options is not None:
                tf_session.TF_DeleteBuffer(options)

    def _output(self, name: str, missing: str) -> Any:
        if name not in self._outputs:
            if not name:  # it has three, for its indices, its values and its shape
                raise StatusError(Code.UNIMPLEMENTED, "a tensor of a signature must be dense, but got a sparse one.")
            tensor = self._feeds.get(name)
            try:
                tensor = self._graph.get_tensor_by_name(name) if tensor is None else tensor
            except KeyError as error:  # a signature may name what its graph lacks, and the others work all the same
                raise StatusError(Code.NOT_FOUND, missing.format(name)) from error
            self._outputs[name] = tensor._as_tf_output()
        return self._outputs[name]

    def close(self, drain: bool = True) -> None:
        """Frees the model: once its last user has released it, or at once, which fails the runs under way."""
        if drain:
            with self._idle:
                self._idle.wait_for(lambda: self._users == 0)
        self._free()

    def _free(self) -> None:
        self._session.close()


def read_meta_graph(
    folder: Path, wanted: frozenset[str] = frozenset({tf.saved_model.SERVING})
) -> meta_graph_pb2.MetaGraphDef:
    """The graph with just these tags of the SavedModel in a folder.

    Raises:
        ValueError: if there is none, or the file is broken.
    """
    saved_model = saved_model_pb2.SavedModel()
    binary, text = folder / "saved_model.pb", folder / "saved_model.pbtxt"
    try:
        if binary.exists():
            saved_model.ParseFromString(binary.read_bytes())
        elif text.exists():
            text_format.Parse(text.read_text(encoding="utf-8"), saved_model)
        else:
            raise ValueError(f"a version's folder must hold saved_model.pb, but got {folder}.")
    except (DecodeError, text_format.ParseError) as error:
        raise ValueError(f"saved_model.pb must be a SavedModel, but got in {folder}: {error}") from error
    for meta_graph in saved_model.meta_graphs:
        if wanted == set(meta_graph.meta_info_def.tags):
            return meta_graph
    tags = [sorted(meta_graph.meta_info_def.tags) for meta_graph in saved_model.meta_graphs]
    raise ValueError(
        f"a SavedModel must have a graph tagged {','.join(sorted(wanted))!r}, but got {tags=} in {folder}."
    )


def _is_own_export(folder: Path) -> bool:
    try:
        metadata = json.loads((folder / "assets.extra" / "metadata.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(metadata, dict) and "rnnzoo_version" in metadata


def _feeds_of_any_shape(meta_graph: meta_graph_pb2.MetaGraphDef) -> dict[str, tf.Tensor]:
    # A Python session refuses arrays that do not fit a placeholder's declared shape; TensorFlow Serving has no such
    # check and lets the ops decide. Placeholders without a shape, in place of the model's own, do the same. Only of
    # those: a signature may also feed a tensor that others compute.
    placeholders = {f"{node.name}:0" for node in meta_graph.graph_def.node if node.op == "Placeholder"}
    infos = [
        info
        for name, signature in meta_graph.signature_def.items()
        if name != _INIT_SIGNATURE
        for info in signature.inputs.values()
        if info.name in placeholders
    ]
    return {info.name: tf.compat.v1.placeholder(info.dtype, shape=None) for info in infos}


def _assets(meta_graph: meta_graph_pb2.MetaGraphDef, folder: Path) -> dict[str, str]:
    assets = {}
    for packed in meta_graph.collection_def[tf.saved_model.ASSETS_KEY].any_list.value:
        asset = meta_graph_pb2.AssetFileDef()
        packed.Unpack(asset)
        assets[asset.tensor_info.name] = str(folder / tf.saved_model.ASSETS_DIRECTORY / asset.filename)
    return assets


def _initializers(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    # TensorFlow 2 names the operation in a signature, TensorFlow 1 in one of two collections.
    if _INIT_SIGNATURE in meta_graph.signature_def:
        (info,) = meta_graph.signature_def[_INIT_SIGNATURE].outputs.values()
        return [info.name]
    for key in (tf.compat.v1.saved_model.MAIN_OP_KEY, tf.compat.v1.saved_model.LEGACY_INIT_OP_KEY):
        if key in meta_graph.collection_def:
            return list(meta_graph.collection_def[key].node_list.value)
    return []
