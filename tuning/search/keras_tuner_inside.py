"""What is used of KerasTuner beyond its public names: if another version has other ones, this file is the place.

Two tuners of ours override a method that is not public either: `GuardedTuner` has `_build_and_fit_model`,
`DistributedTuner` has `_get_tuner_fname`. The versions that this goes with are in pyproject.toml.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.distribute.oracle_client import OracleClient
from keras_tuner.src.distribute.utils import is_chief_oracle
from keras_tuner.src.engine.tuner_utils import SaveBestEpoch, convert_to_metrics_dict
from keras_tuner.src.protos import get_proto, get_service, get_service_grpc

__all__ = [
    "OracleClient",
    "OracleServicer",
    "SaveBestEpoch",
    "convert_to_metrics_dict",
    "get_proto",
    "get_service",
    "get_service_grpc",
    "is_chief_oracle",
    "is_worker",
    "own_oracle",
    "restore_grid_order",
    "state_file",
    "too_many_failed",
    "waiting",
    "write_states_by",
    "write_weights_by",
]


def is_worker(tuner: Any) -> bool:
    """Whether a tuner asks a chief for its trials."""
    return bool(tuner._is_worker())


def own_oracle(client: OracleClient) -> Any:
    """The oracle of a worker, of which only the settings are read."""
    return client._oracle


def waiting(oracle: Any) -> list[str]:
    """The names of the trials that are to be run again: the oracle's own list, to be changed in place."""
    return oracle._retry_queue


def state_file(oracle: Any) -> Path:
    """The file of all that an oracle knows beside its trials."""
    return Path(oracle._get_oracle_fname())


def write_states_by(oracle: Any, write: Callable[[Path, Any], None]) -> None:
    """Let an oracle write its own state, and that of each trial, by a function of the file and the state."""

    def save() -> None:
        write(state_file(oracle), oracle.get_state())

    def save_trial(trial: Any) -> None:
        write(Path(oracle._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    oracle.save = save
    oracle._save_trial = save_trial


def write_weights_by(best: SaveBestEpoch, write: Callable[[Path, Any], None]) -> None:
    """Let the weights of the best epoch so far be written by a function of the file and the model."""
    best._save_model = lambda: write(Path(best.filepath), best.model)


def restore_grid_order(oracle: Any) -> None:
    """Give a reloaded grid oracle the order of its trials, which it has in memory alone and never saves."""

    def compare(one: str, other: str) -> int:
        return oracle._compare(*(oracle.trials[name].hyperparameters.values for name in (one, other)))

    for name in sorted(oracle.trials, key=functools.cmp_to_key(compare)):
        oracle._ordered_ids.insert(name)
    oracle._populate_next = list(oracle.start_order)


def too_many_failed(error: RuntimeError) -> bool:
    """Whether this is what an oracle raises once too many trials in a row have failed: a plain RuntimeError."""
    return "consecutive failures" in str(error)
