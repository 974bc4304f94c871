"""Puts right what a killed process left of a search, and names what is damaged beyond that."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from keras_tuner.engine.trial import Trial

from rnnzoo.damaged_files import named_damage
from rnnzoo.tuning.search.keras_tuner_inside import waiting
from rnnzoo.tuning.search.search_folder import BEGIN_ANEW

__all__ = ["OVER", "check_state", "check_trials", "mend"]

OVER = ("COMPLETED", "FAILED")
"""What KerasTuner calls trials that run no more."""


def mend(oracle: Any) -> None:
    """Make a reloaded `keras_tuner.Oracle` consistent.

    KerasTuner writes a trial's file and then its own. A process killed in between leaves trials that the oracle has
    never heard of, trials to be run again that are finished, and results of runs that are not.
    """
    # A trial unknown to the oracle: it never began, and the oracle will draw the same one again.
    oracle.trials = {name: oracle.trials[name] for name in oracle.start_order if name in oracle.trials}
    unfinished = []
    for name in dict.fromkeys(waiting(oracle)):
        trial = oracle.trials[name]
        if trial.status not in OVER:
            trial.metrics = type(trial.metrics)()
            unfinished.append(name)
        elif name not in oracle.end_order:
            oracle.end_order.append(name)
    waiting(oracle)[:] = unfinished


def check_trials(project: Path, oracle: Any) -> None:
    """Raise a DamagedFileError if KerasTuner could not read a search: it would not say which file is to blame."""
    trials = [check_state(path, Trial.from_state).trial_id for path in sorted(project.glob("trial_*/trial.json"))]
    path = project / "oracle.json"
    state = check_state(path)
    with named_damage(path, BEGIN_ANEW, writer="KerasTuner"):
        for name in oracle.get_state():
            state[name]
        for name in state["start_order"]:
            if name not in trials:
                raise ValueError(f"there is no trial_{name}/trial.json, which it speaks of")


def check_state(path: Path, read: Callable[[Mapping[str, Any]], Any] = dict) -> Any:
    """What `read` makes of a file of KerasTuner's. Raises a DamagedFileError if that cannot be."""
    with named_damage(path, BEGIN_ANEW, writer="KerasTuner"):
        state = json.loads(path.read_text(encoding="utf-8"))
        return read(dict(state.items()))
