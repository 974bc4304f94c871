"""How a network learns: corpora, batches, training and evaluation. Each name is imported when first used.

- `rnnzoo.tuning.diagnosis`: how far back a network learns, the signs of its health, what would cure it;
- `rnnzoo.tuning.memory`: how far back it can be taught to remember;
- `rnnzoo.tuning.search`: searches that survive trials which diverge.
"""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.batches import ContiguousBatches
    from rnnzoo.tuning.corpora.catalog import open_corpus
    from rnnzoo.tuning.divergence import TrainingDiverged
    from rnnzoo.tuning.evaluation.dynamic_evaluation import evaluate_dynamically, tune_dynamic_evaluation
    from rnnzoo.tuning.evaluation.dynamic_options import DynamicEvaluation
    from rnnzoo.tuning.evaluation.gradient_sizes import gradient_scales
    from rnnzoo.tuning.evaluation.neural_cache_evaluation import (
        CachedEvaluation,
        evaluate_with_cache,
        tune_neural_cache,
    )
    from rnnzoo.tuning.evaluation.static_evaluation import evaluate
    from rnnzoo.tuning.optimization.optimizers import SGDAroundAdam
    from rnnzoo.tuning.training import train
    from rnnzoo.tuning.training_config import TrainingConfig
    from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

_HOMES = {
    "CachedEvaluation": "evaluation.neural_cache_evaluation",
    "ContiguousBatches": "batches",
    "DynamicEvaluation": "evaluation.dynamic_options",
    "SGDAroundAdam": "optimization.optimizers",
    "TrainingConfig": "training_config",
    "TrainingDiverged": "divergence",
    "TruncatedBackpropagation": "truncated_backpropagation",
    "diagnosis": "diagnosis",
    "evaluate": "evaluation.static_evaluation",
    "evaluate_dynamically": "evaluation.dynamic_evaluation",
    "evaluate_with_cache": "evaluation.neural_cache_evaluation",
    "gradient_scales": "evaluation.gradient_sizes",
    "memory": "memory",
    "open_corpus": "corpora.catalog",
    "search": "search",
    "train": "training",
    "tune_dynamic_evaluation": "evaluation.dynamic_evaluation",
    "tune_neural_cache": "evaluation.neural_cache_evaluation",
}

__all__ = [
    "CachedEvaluation",
    "ContiguousBatches",
    "DynamicEvaluation",
    "SGDAroundAdam",
    "TrainingConfig",
    "TrainingDiverged",
    "TruncatedBackpropagation",
    "evaluate",
    "evaluate_dynamically",
    "evaluate_with_cache",
    "gradient_scales",
    "open_corpus",
    "train",
    "tune_dynamic_evaluation",
    "tune_neural_cache",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
