"""The median rule: a trial that is worse than half of the others were at the same moment ends."""

import statistics
from collections.abc import Sequence

from rnnzoo.models.arguments import real, whole
from rnnzoo.tuning.search.pruning.pruner import Curve, Pruner, best_until

__all__ = ["MedianPruner"]


class MedianPruner(Pruner):
    """Ends a trial whose best value so far is worse than the median of the others' at the same moment.

    Source: Golovin et al. 2017, "Google Vizier", section 3.2.2. Others are all trials that have reported anything,
    whatever became of them: one that ended early stands for good with what it had. Were only those counted that got as
    far, each moment would halve the better half once more, and what starts slowly would never be found.

    What learns last is at risk all the same: under a learning rate that falls to 0 at the end, large rates look bad
    until late.

    Args:
        startup: no trial ends before there are so many others; 1, for in searches that were replayed in many orders
            more of them cost compute and hardly ever saved the best trial.
        warmup: the share of its training that each trial may do first; 0.05, in which the learning rate rises by
            default and all losses fall alike.

    Example:
        >>> from rnnzoo.tuning.search.trial_folder import Report
        >>> def curve(*values):
        ...     reports = enumerate(values, start=1)
        ...     return [Report(time=0.0, at=at, of=4, measure="val_loss", value=value) for at, value in reports]
        >>> others = [curve(5, 4, 3, 2), curve(5, 3, 2, 1), curve(6, 5, 4, 3)]
        >>> MedianPruner(startup=3).objection(curve(5, 4.5), others, 1)
        'pruned: val_loss 4.5 is worse than the median of 3 trials, 4, after 2 of 4 epochs'
        >>> MedianPruner(startup=3).objection(curve(5, 4), others, 1) is None
        True
    """

    def __init__(self, startup: int = 1, warmup: float = 0.05) -> None:
        self.startup = whole("startup", startup, least=1)
        self.warmup = real("warmup", warmup, least=0, below=1)

    def objection(self, mine: Curve, others: Sequence[Curve], sign: int) -> str | None:
        latest = mine[-1]
        if latest.at < self.warmup * latest.of:
            return None
        best = best_until(mine, latest.measure, latest.at, sign)
        theirs = [best_until(other, latest.measure, latest.at, sign) for other in others]
        values = [value for value in theirs if value is not None]
        if best is None or len(values) < self.startup:
            return None
        median = statistics.median(values)
        if best <= median:
            return None
        trials = "one other trial" if len(values) == 1 else f"{len(values)} trials"
        return (
            f"pruned: {latest.measure} {sign * best:.4g} is worse than the median of {trials}, "
            f"{sign * median:.4g}, after {latest.at:.2g} of {latest.of:g} epochs"
        )
