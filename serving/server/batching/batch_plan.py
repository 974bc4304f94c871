"""Which requests may share a run, and with whom: decided from a signature, never from a guess about the model."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from rnnzoo.serving.server.calls.inference import Question
from rnnzoo.serving.server.repository.servable import Servable

__all__ = ["BatchPlan", "Lane", "batch_plan"]

# A row of 100 words beside one of 20,000 would wait for it. Short texts share a run whatever their lengths, longer ones
# with those less than 8 times as long; so do continuations.
_SHORT_TEXT_BYTES = 2048
_SHORT_CONTINUATION_WORDS = 8
_DOUBLINGS_PER_BUCKET = 3

Lane = tuple[tuple[str, tuple[int, ...], int], ...]
"""Of each input its name, the shape of a row, and how long it is, roughly."""


@dataclass(frozen=True)
class BatchPlan:
    """How the requests to one signature of one model are put together.

    Attributes:
        own: whether it is an export of ours, in which defaults of one row stand for any number of rows.
        lengths: the output that tells how long each row of the others is, "" if none does: what is behind the
            longest row of a request was put there by its neighbours, and is cut off.
        max_words: the tensor that tells how many words a row may ask for, "" if none does.
    """

    own: bool
    lengths: str = ""
    max_words: str = ""

    def feeds(self, question: Question) -> tuple[dict[str, np.ndarray], int] | None:
        """The question's arrays, each with the same number of rows, and that number; None if it has to run alone."""
        rows, given = question.rows, question.given_arrays
        if rows == 0 or any(array.size == 0 for array in question.feeds.values()):
            return None
        feeds = dict(question.feeds)
        for name, array in feeds.items():
            if name not in given and len(array) != rows:
                if not self.own or len(array) != 1:
                    return None
                feeds[name] = np.repeat(array, rows, axis=0)
        return feeds, rows

    def lane(self, feeds: Mapping[str, np.ndarray]) -> Lane:
        """Equal for feeds whose rows fit together."""
        return tuple((name, array.shape[1:], self._bucket(name, array)) for name, array in feeds.items())

    def lasts(self, lane: Lane) -> bool:
        """Whether a run may take seconds: one that writes words, or reads long texts."""
        return bool(self.max_words) or any(bucket > 1 for _, _, bucket in lane)

    def _bucket(self, name: str, array: np.ndarray) -> int:
        if array.dtype.hasobject:
            return _bucket(max(map(len, array.ravel()), default=0), _SHORT_TEXT_BYTES)
        return _bucket(int(array.max()), _SHORT_CONTINUATION_WORDS) if name == self.max_words else 0

    def cut(self, arrays: list[np.ndarray], lengths: np.ndarray) -> list[np.ndarray]:
        """The outputs without what stands behind the longest row."""
        longest = int(lengths.max())
        return [array[:, :longest] if array.ndim > 1 else array for array in arrays]


def batch_plan(servable: Servable, name: str, all_models: bool) -> BatchPlan | None:
    """How requests to a signature are put together; None if they are not.

    Args:
        servable: the model.
        name: the signature's.
        all_models: whether other models than our own exports are batched: nothing but their owner's word says that
            their rows do not look at each other.
    """
    signature = servable.signatures[name]
    if not (servable.own_export or all_models) or not signature.inputs:
        return None
    if not all(_is_batched(info) for infos in (signature.inputs, signature.outputs) for info in infos.values()):
        return None
    if servable.own_export:
        return BatchPlan(
            True,
            lengths="lengths" if "lengths" in signature.outputs else "",
            max_words=signature.inputs["max_words"].name if "max_words" in signature.inputs else "",
        )
    # An output as wide as its widest row, of texts that do not show how wide: neighbours would change its shape.
    widths_known = not any(_is_wide(info) for info in signature.outputs.values()) or any(
        _is_wide(info) for info in signature.inputs.values() if info.dtype != types_pb2.DT_STRING
    )
    return BatchPlan(False) if widths_known else None


def _is_batched(info: meta_graph_pb2.TensorInfo) -> bool:
    shape = info.tensor_shape
    return not shape.unknown_rank and len(shape.dim) > 0 and shape.dim[0].size < 0


def _is_wide(info: meta_graph_pb2.TensorInfo) -> bool:
    return any(axis.size < 0 for axis in info.tensor_shape.dim[1:])


def _bucket(size: int, short: int) -> int:
    """0 below `short`, and one more for each eightfold.

    >>> [_bucket(size, 8) for size in (1, 7, 8, 63, 64, 511, 512)]
    [0, 0, 1, 1, 2, 2, 3]
    """
    return -(-max(0, size // short).bit_length() // _DOUBLINGS_PER_BUCKET)
