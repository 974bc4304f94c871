"""Searches with KerasTuner that survive diverging trials. Each name is imported when first used."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.search.algorithms import BayesianOptimization, GridSearch, Hyperband, RandomSearch
    from rnnzoo.tuning.search.divergence import Divergence
    from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
    from rnnzoo.tuning.search.pruning import HalvingPruner, MedianPruner, Pruner
    from rnnzoo.tuning.search.results import SearchResult, TrialRecord, read_result
    from rnnzoo.tuning.search.searching import search
    from rnnzoo.tuning.search.space import Space
    from rnnzoo.tuning.search.tuner import GuardedTuner

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
    "Space": "space",
    "TrialRecord": "results",
    "read_result": "results",
    "search": "searching",
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
    "Space",
    "TrialRecord",
    "read_result",
    "search",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
