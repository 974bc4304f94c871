"""KerasTuner's state on disk, written so that it is whole whenever the process may end and the disk may fill up."""

import errno
import json
from pathlib import Path
from typing import Any

import keras_tuner

from rnnzoo.atomic_files import write_whole
from rnnzoo.models.weights_file import weights_file
from rnnzoo.tuning.search.keras_tuner_inside import SaveBestEpoch, write_states_by, write_weights_by

__all__ = ["DiskError", "is_of_the_disk", "make_durable", "make_weights_durable", "write_state"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class DiskError(keras_tuner.errors.FatalError, OSError):
    """The disk takes no more: the search ends here instead of counting failed trials, and can be resumed."""


def is_of_the_disk(error: OSError) -> bool:
    """Whether every further trial would fail as this one did."""
    return error.errno in _FULL


def make_durable(oracle: Any) -> None:
    """Let an oracle write its own file and its trials' as a whole or not at all.

    KerasTuner truncates a file and then writes it: a process that dies in between, and a full disk, leave a search
    that nothing reads any more.
    """
    write_states_by(oracle, write_state)


def make_weights_durable(best: SaveBestEpoch) -> None:
    """Let KerasTuner's `SaveBestEpoch` replace the weights of the best epoch so far as a whole or not at all."""
    write_weights_by(best, lambda path, model: write_whole(path, weights_file(model)))


def write_state(path: str | Path, state: Any) -> None:
    """Write what `keras_tuner.utils.save_json` would, atomically."""
    write_whole(Path(path), json.dumps(state).encode())
