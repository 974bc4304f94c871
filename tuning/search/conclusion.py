"""What becomes of a trial once it is over, however it ended."""

import math
import time
from collections.abc import Mapping
from typing import Any

from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.durable_state import DiskError
from rnnzoo.tuning.search.trial_course import TrialCourse
from rnnzoo.tuning.search.trial_folder import TrialOutcome

__all__ = ["conclude", "results_so_far"]


def results_so_far(course: TrialCourse, divergence: Divergence) -> list[Any] | dict[str, float]:
    """What a trial has that ends early: the results of the executions that it finished.

    Before there are any, its latest value, but nothing worse than if it had diverged there.
    """
    if course.finished:
        return course.finished
    objective = course.objective
    penalty = divergence.score(course.at / course.of, objective.direction)
    better = min if objective.direction == "min" else max
    return {objective.name: penalty if course.latest is None else better(course.latest, penalty)}


def conclude(
    course: TrialCourse,
    values: Mapping[str, Any],
    status: str,
    message: str | None,
    *,
    diverged: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> None:
    """Write down what became of a trial.

    Args:
        course: the trial's.
        values: its hyperparameters.
        status, message: as in `TrialOutcome`.
        diverged: why it counts as diverged, if it does.
        metrics: what it gives KerasTuner.

    Raises:
        DiskError: if it cannot be written.
    """
    finding = course.verdict(diverged)
    outcome = TrialOutcome(
        status=status,
        begin=course.begin,
        end=time.time(),
        seconds=course.seconds,
        at=course.at,
        of=course.of,
        verdict=None if finding is None else finding.name,
        reason=None if finding is None else finding.reason,
        message=message,
        parameters=course.parameters,
        values=values,
        metrics={name: value for name, value in (metrics or {}).items() if math.isfinite(value)},
        objective=course.objective.name,
        direction=course.objective.direction,
    )
    try:
        course.folder.conclude(outcome)
    except OSError as error:
        raise DiskError(error.errno, error.strerror, error.filename or str(course.folder.path)) from error
