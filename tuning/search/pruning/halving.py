"""Asynchronous successive halving: at each rung the best third goes on, and nobody waits for anybody."""

from collections.abc import Sequence

from rnnzoo.models.arguments import whole
from rnnzoo.tuning.search.pruning.pruner import Curve, Pruner, first_from

__all__ = ["HalvingPruner"]


class HalvingPruner(Pruner):
    """Lets a trial pass a rung only if it is among the best of all that have come there so far.

    It saves more than `MedianPruner` and loses more: a trial has to be good early, and those that learn last are gone.
    For searches of so many trials that each good one has others like it.

    Rungs stand at the shares `factor ** -rungs, …, 1 / factor` of a trial's training: by default a ninth and a third.
    Of the values that trials had at a rung, that of the trial itself included, the best `1 / factor` go on, and one at
    least. Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (ASHA), in the variant that
    stops trials instead of pausing them.

    Args:
        factor: of `factor` trials that come to a rung one goes on; 3.
        rungs: how many rungs there are; 2, for at a ninth a slow start and a bad one can be told apart.

    Example:
        >>> from rnnzoo.tuning.search.trial_folder import Report
        >>> def curve(*values):
        ...     reports = enumerate(values, start=1)
        ...     return [Report(time=0.0, at=at, of=9, measure="val_loss", value=value) for at, value in reports]
        >>> others = [curve(5, 4, 3), curve(4, 3, 2), curve(6)]
        >>> HalvingPruner().objection(curve(5), others, 1)
        'pruned: val_loss 5 is none of the best 1 of 4 at the rung of 1 of 9 epochs'
        >>> HalvingPruner().objection(curve(3.9), others, 1) is None
        True
    """

    def __init__(self, factor: int = 3, rungs: int = 2) -> None:
        self.factor = whole("factor", factor, least=2)
        self.rungs = whole("rungs", rungs, least=1)

    def objection(self, mine: Curve, others: Sequence[Curve], sign: int) -> str | None:
        latest = mine[-1]
        before = mine[-2].at if len(mine) > 1 else 0.0
        for level in range(1, self.rungs + 1):  # from the last rung to the first
            rung = latest.of * self.factor**-level
            if not before < rung <= latest.at or latest.value is None:
                continue
            value = sign * latest.value
            theirs = [first_from(other, latest.measure, rung, sign) for other in others]
            met = sorted([value, *(other for other in theirs if other is not None)])
            passing = max(1, len(met) // self.factor)
            if value > met[passing - 1]:
                return (
                    f"pruned: {latest.measure} {latest.value:.4g} is none of the best {passing} of {len(met)} at the "
                    f"rung of {rung:.2g} of {latest.of:g} epochs"
                )
            return None
        return None
