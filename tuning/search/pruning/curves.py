"""The reports of all trials of a search, read from its folder, so that several processes can feed one pruner."""

from pathlib import Path

from rnnzoo.tuning.search.pruning.pruner import Curve
from rnnzoo.tuning.search.trial_folder import TrialFolder

__all__ = ["Curves"]


class Curves:
    """What the other trials of a search have reported. A file is read again only once it has grown.

    Args:
        trials: the folder of the trials' folders.
    """

    def __init__(self, trials: Path) -> None:
        self._trials = trials
        self._read: dict[Path, tuple[int, Curve]] = {}

    def others(self, mine: TrialFolder) -> list[Curve]:
        """The curves of all trials but one that have reported anything."""
        for path in sorted(self._trials.glob("trial_*")):
            folder = TrialFolder(path)
            try:
                size = folder.progress.stat().st_size
            except FileNotFoundError:
                continue
            if self._read.get(path, (-1, ()))[0] != size:
                self._read[path] = (size, folder.reports())
        return [curve for path, (_, curve) in self._read.items() if path != mine.path and curve]
