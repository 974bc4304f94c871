"""How a network learns: corpora, batches, training and evaluation. Each name is imported when first used.

Searches live in `rnnzoo.tuning.search`.
"""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
