"""Searches with KerasTuner that survive diverging trials. Each name is imported when first used."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.search.algorithms import BayesianOptimization, GridSearch, Hyperband, RandomSearch
    from rnnzoo.tuning.search.divergence import Divergence
    from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
    from rnnzoo.tuning.search.pruning import HalvingPruner, MedianPruner, Pruner
    from rnnzoo.tuning.search.report.page import write_report
    from rnnzoo.tuning.search.report.reported_search import read_search
    from rnnzoo.tuning.search.results import SearchResult, TrialRecord, read_result
    from rnnzoo.tuning.search.searching import search
    from rnnzoo.tuning.search.space import Space
    from rnnzoo.tuning.search.tuner import GuardedTuner
    from rnnzoo.tuning.search.workers.processes import run_with_workers
    from rnnzoo.tuning.search.workers.sharing import Sharing

_HOMES = {
    "BayesianOptimization": "algorithms",
    "Divergence": "divergence",
    "GridSearch": "algorithms",
    "GuardedTuner": "tuner",
    "HalvingPruner": "pruning",
    "Hyperband": "algorithms",
    "LanguageHyperModel": "hypermodel",
    "MedianPruner": "pruning",
    "Pruner": "pruning",
    "RandomSearch": "algorithms",
    "SearchResult": "results",
    "Sharing": "workers.sharing",
    "Space": "space",
    "TrialRecord": "results",
    "read_result": "results",
    "read_search": "report.reported_search",
    "run_with_workers": "workers.processes",
    "search": "searching",
    "write_report": "report.page",
}

__all__ = [
    "BayesianOptimization",
    "Divergence",
    "GridSearch",
    "GuardedTuner",
    "HalvingPruner",
    "Hyperband",
    "LanguageHyperModel",
    "MedianPruner",
    "Pruner",
    "RandomSearch",
    "SearchResult",
    "Sharing",
    "Space",
    "TrialRecord",
    "read_result",
    "read_search",
    "run_with_workers",
    "search",
    "write_report",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
