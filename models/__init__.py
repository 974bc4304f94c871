"""What a network is: recurrent layers, vocabularies and language models. Each name is imported when first used."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnzoo.models.answers import Suggestion, TextScore
    from rnnzoo.models.architectures import NETWORKS, NetworkConfig
    from rnnzoo.models.language_model import LanguageModel
    from rnnzoo.models.layers import GRU, IRNN, LSTM, SimpleRNN, SkipRNN, SkipUpdateGRU, SkipUpdateLSTM
    from rnnzoo.models.sampling import Sampler
    from rnnzoo.models.vocabulary import Vocabulary

__all__ = [
    "GRU",
    "IRNN",
    "LSTM",
    "NETWORKS",
    "LanguageModel",
    "NetworkConfig",
    "Sampler",
    "SimpleRNN",
    "SkipRNN",
    "SkipUpdateGRU",
    "SkipUpdateLSTM",
    "Suggestion",
    "TextScore",
    "Vocabulary",
]

_HOMES = {
    "NETWORKS": "architectures",
    "NetworkConfig": "architectures",
    "LanguageModel": "language_model",
    "Suggestion": "answers",
    "TextScore": "answers",
    "Sampler": "sampling",
    "Vocabulary": "vocabulary",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(f"rnnzoo.models.{_HOMES.get(name, 'layers')}"), name)
    raise AttributeError(f"module 'rnnzoo.models' has no attribute {name!r}.")


def __dir__() -> list[str]:
    return __all__
