"""KerasTuner's state on disk, written so that it is whole whenever the process may end and the disk may fill up."""

import errno
import json
from pathlib import Path
from typing import Any

import keras_tuner

from rnnzoo.atomic_files import atomic_file, write_whole
from rnnzoo.models.weights_file import weights_file

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

    def save() -> None:
        write_state(oracle._get_oracle_fname(), oracle.get_state())

    def save_trial(trial: Any) -> None:
        write_state(Path(oracle._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    oracle.save = save
    oracle._save_trial = save_trial


def make_weights_durable(best: Any) -> None:
    """Let KerasTuner's `SaveBestEpoch` replace the weights of the best epoch so far as a whole or not at all."""
    best._save_model = lambda: write_whole(Path(best.filepath), weights_file(best.model))


def write_state(path: str | Path, state: Any) -> None:
    """Write what `keras_tuner.utils.save_json` would, atomically."""
    with atomic_file(Path(path)) as file:
        file.write(json.dumps(state).encode())
