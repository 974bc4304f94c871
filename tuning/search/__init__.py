"""Searches with KerasTuner that survive diverging trials. Each name is imported when first used."""

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"rnnzoo.tuning.search.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'rnnzoo.tuning.search' has no attribute {name!r}.")


def __dir__() -> list[str]:
    return __all__
