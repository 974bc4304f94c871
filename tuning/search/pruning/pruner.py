"""What all pruners are: a question about curves."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from rnnzoo.tuning.search.trial_folder import Report

__all__ = ["Curve", "Pruner", "best_until", "first_from"]

Curve = Sequence[Report]  # the reports of one trial, in their order

_SAME = 1e-6  # epochs; two reports nearer than that are of the same moment


class Pruner(ABC):
    """Says of a running trial whether it is worth going on with.

    A pruner is asked whenever a trial has reported: after each epoch, with the search's objective, and every few steps
    within an epoch, with the mean loss of the steps since the report before, unless that is so high that it may yet
    come back (above `Divergence.bound`). A training loss says little of an objective that is neither `loss` nor
    `val_loss`: there it is asked after each epoch only, unless the search is given a `report_every`. It keeps nothing,
    so several processes that share a search's folder can each have their own. Values are compared with those of the
    same measure at the same share of an epoch, so that trials of different batch sizes are comparable. Losses within an
    epoch are training losses: where trials differ in dropout, or in how the loss is sampled, these compare a little
    worse than what is validated, so let such a search report after each epoch only, with a large `report_every`.

    A pruner of your own is a subclass with one method:

    Example:
        >>> class AtMost(Pruner):
        ...     def objection(self, mine, others, sign):
        ...         return "pruned: above 5" if sign * mine[-1].value > 5 else None
        >>> AtMost().objection([Report(time=0.0, at=1.0, of=2.0, measure="val_loss", value=7.0)], [], 1)
        'pruned: above 5'
    """

    @abstractmethod
    def objection(self, mine: Curve, others: Sequence[Curve], sign: int) -> str | None:
        """Why the trial should end now, in a few words; None if it should go on.

        Args:
            mine: the trial's reports, at least one, the latest one with a value.
            others: those of the other trials that have reported anything, running, pruned, diverged or over.
            sign: 1 where small values are good, -1 where large ones are.
        """


def best_until(curve: Curve, measure: str, at: float, sign: int) -> float | None:
    """The best value of a measure up to a moment, times `sign`; None if there is none."""
    values = [
        sign * report.value
        for report in curve
        if report.value is not None and report.measure == measure and report.at <= at + _SAME
    ]
    return min(values, default=None)


def first_from(curve: Curve, measure: str, at: float, sign: int) -> float | None:
    """The first value of a measure at or after a moment, times `sign`; None if there is none."""
    values = (
        sign * report.value
        for report in curve
        if report.value is not None and report.measure == measure and report.at >= at - _SAME
    )
    return next(values, None)
