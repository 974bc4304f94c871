"""Searches with KerasTuner that survive diverging trials. Each name is imported when first used."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.search.divergence import Divergence
    from rnnzoo.tuning.search.hypermodel import LanguageHyperModel
    from rnnzoo.tuning.search.results import SearchResult
    from rnnzoo.tuning.search.searching import search
    from rnnzoo.tuning.search.space import Space
    from rnnzoo.tuning.search.tuner import BayesianOptimization, GridSearch, GuardedTuner, Hyperband, RandomSearch

_HOMES = {
    "BayesianOptimization": "tuner",
    "Divergence": "divergence",
    "GridSearch": "tuner",
    "GuardedTuner": "tuner",
    "Hyperband": "tuner",
    "LanguageHyperModel": "hypermodel",
    "RandomSearch": "tuner",
    "SearchResult": "results",
    "Space": "space",
    "search": "searching",
}

__all__ = [
    "BayesianOptimization",
    "Divergence",
    "GridSearch",
    "GuardedTuner",
    "Hyperband",
    "LanguageHyperModel",
    "RandomSearch",
    "SearchResult",
    "Space",
    "search",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
