"""How an interrupted trial goes on: what is put in front of its `fit`, and what is made of what that returns."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
import numpy.typing as npt

from rnnzoo.tuning.search.keras_tuner_inside import SaveBestEpoch
from rnnzoo.tuning.search.trial_course import TrialCourse
from rnnzoo.tuning.search.trial_state import ContinueTrial, interrupted_state

__all__ = ["continued_trial", "with_history"]


def continued_trial(
    course: TrialCourse,
    values: Mapping[str, Any],
    fit: Callable[..., Any],
    fit_options: dict[str, Any],
    objective: keras_tuner.Objective,
) -> ContinueTrial | None:
    """What puts back the state in which a trial was interrupted, if it was and its `fit` can go on from there.

    Args:
        course: the trial's.
        values: its hyperparameters.
        fit: that of the hypermodel.
        fit_options: its keyword arguments, which get the epoch to go on with; KerasTuner's callback among them learns
            the best value so far.
        objective: the search's.
    """
    state = interrupted_state(course.folder, values)
    if state is None or not _takes_initial_epoch(fit):
        return None
    continued = ContinueTrial(state, course)
    fit_options["initial_epoch"] = continued.epoch
    for callback in fit_options.get("callbacks", ()):
        if isinstance(callback, SaveBestEpoch):
            known = [objective.get_value(row) for row in continued.history if objective.has_value(row)]
            best = min if objective.direction == "min" else max
            callback.best_value = best([callback.best_value, *known])
    return continued


def with_history(results: Any, history: Sequence[Mapping[str, Any]]) -> Any:
    """Keras's History of the epochs since an interruption, with those before it in front."""
    if isinstance(results, keras.callbacks.History) and history:
        results.epoch = [*range(results.epoch[0] - len(history), results.epoch[0]), *results.epoch]
        results.history = {
            name: [*(_as_logged(row[name]) for row in history), *values]
            for name, values in results.history.items()
            if all(name in row for row in history)
        }
    return results


def _takes_initial_epoch(fit: Callable[..., Any]) -> bool:
    parameters = inspect.signature(fit).parameters
    return "initial_epoch" in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _as_logged(value: float | list[Any]) -> float | npt.NDArray[Any]:
    return np.array(value) if isinstance(value, list) else value
