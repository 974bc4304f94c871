"""The names that KerasTuner may change, each: with another version, these lines say which."""

from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial

from rnnzoo.tuning.search import keras_tuner_inside as inside

GRID: Any = keras_tuner.oracles.GridSearchOracle("val_loss")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (keras_tuner.Tuner, "_is_worker"),
        (keras_tuner.Tuner, "_build_and_fit_model"),
        (keras_tuner.Tuner, "_get_tuner_fname"),
        (GRID, "_retry_queue"),
        (GRID, "_get_oracle_fname"),
        (GRID, "_get_trial_dir"),
        (GRID, "_save_trial"),
        (GRID, "_compare"),
        (GRID, "_ordered_ids"),
        (GRID, "_populate_next"),
        (inside.SaveBestEpoch, "_save_model"),
    ],
)
def test_what_is_not_public_is_there(owner: object, name: str) -> None:
    assert hasattr(owner, name)


def test_too_many_failed_trials_are_known_by_what_is_said() -> None:
    oracle: Any = keras_tuner.oracles.RandomSearchOracle("val_loss", max_consecutive_failed_trials=1)
    trial = Trial(keras_tuner.HyperParameters(), "0", status="FAILED")
    oracle.trials, oracle.end_order = {"0": trial}, ["0"]
    with pytest.raises(RuntimeError) as raised:
        oracle._check_consecutive_failures()
    assert inside.too_many_failed(raised.value)
    assert not inside.too_many_failed(RuntimeError("out of memory"))
