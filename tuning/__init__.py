"""How a network learns: corpora, batches, training and evaluation. Each name is imported when first used.

Searches live in `rnnzoo.tuning.search`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnzoo.tuning.batches import ContiguousBatches
    from rnnzoo.tuning.corpora.catalog import open_corpus
    from rnnzoo.tuning.divergence import TrainingDiverged
    from rnnzoo.tuning.evaluation import evaluate
    from rnnzoo.tuning.training import train
    from rnnzoo.tuning.training_config import TrainingConfig
    from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

_HOMES = {
    "ContiguousBatches": "batches",
    "TrainingConfig": "training_config",
    "TrainingDiverged": "divergence",
    "TruncatedBackpropagation": "truncated_backpropagation",
    "evaluate": "evaluation",
    "open_corpus": "corpora.catalog",
    "train": "training",
}

__all__ = [
    "ContiguousBatches",
    "TrainingConfig",
    "TrainingDiverged",
    "TruncatedBackpropagation",
    "evaluate",
    "open_corpus",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"rnnzoo.tuning.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'rnnzoo.tuning' has no attribute {name!r}.")


def __dir__() -> list[str]:
    return __all__
