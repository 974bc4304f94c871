"""Searches in several processes and on several machines, on KerasTuner's own chief and worker protocol."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.search.workers.distributed_tuner import DistributedTuner
    from rnnzoo.tuning.search.workers.processes import run_with_workers
    from rnnzoo.tuning.search.workers.sharing import Sharing

_HOMES = {"DistributedTuner": "distributed_tuner", "Sharing": "sharing", "run_with_workers": "processes"}

__all__ = ["DistributedTuner", "Sharing", "run_with_workers"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
