"""Puts right what a killed process left of a search."""

from typing import Any

__all__ = ["mend"]

OVER = ("COMPLETED", "FAILED")


def mend(oracle: Any) -> None:
    """Make a reloaded `keras_tuner.Oracle` consistent.

    KerasTuner writes a trial's file and then its own. A process killed in between leaves trials that the oracle has
    never heard of, trials to be run again that are finished, and results of runs that are not.
    """
    # A trial unknown to the oracle: it never began, and the oracle will draw the same one again.
    oracle.trials = {name: oracle.trials[name] for name in oracle.start_order if name in oracle.trials}
    waiting = []
    for name in dict.fromkeys(oracle._retry_queue):
        trial = oracle.trials[name]
        if trial.status not in OVER:
            trial.metrics = type(trial.metrics)()
            waiting.append(name)
        elif name not in oracle.end_order:
            oracle.end_order.append(name)
    oracle._retry_queue = waiting
