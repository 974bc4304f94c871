"""What keeps a version from loading is told by its own code."""

import pytest
import tensorflow as tf

from rnnzoo.serving.server.repository.version_states import status_of
from rnnzoo.serving.server.status import Code, StatusError

LOST = tf.errors.DataLossError(None, None, "a block is corrupt")


def caused(cause: Exception) -> Exception:
    error = ValueError("the SavedModel must load.")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (StatusError(Code.ABORTED, "again"), Code.ABORTED, "again"),
        (LOST, Code.DATA_LOSS, "a block is corrupt"),
        (caused(LOST), Code.DATA_LOSS, "a block is corrupt"),
        (MemoryError("4 GB"), Code.RESOURCE_EXHAUSTED, "out of memory: 4 GB"),
        (FileNotFoundError("gone"), Code.NOT_FOUND, "gone"),
        (ValueError("no graph"), Code.INVALID_ARGUMENT, "no graph"),
        (RuntimeError("what"), Code.UNKNOWN, "what"),
    ],
    ids=repr,
)
def test_the_code_and_the_message(error: Exception, code: Code, message: str) -> None:
    status = status_of(error)

    assert (code, message) == (status.code, status.message)
