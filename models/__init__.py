"""What a network is: recurrent layers, vocabularies and language models. Each name is imported when first used."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.models.answers import Suggestion, TextScore
    from rnnzoo.models.architectures import NETWORKS, NetworkConfig
    from rnnzoo.models.language_model import LanguageModel
    from rnnzoo.models.layers import GRU, IRNN, LSTM, SimpleRNN, SkipRNN, SkipUpdateGRU, SkipUpdateLSTM
    from rnnzoo.models.neural_cache import NeuralCache
    from rnnzoo.models.presets import PRESETS, Preset
    from rnnzoo.models.sampler import Sampler
    from rnnzoo.models.vocabulary import Vocabulary

__all__ = [
    "GRU",
    "IRNN",
    "LSTM",
    "NETWORKS",
    "PRESETS",
    "LanguageModel",
    "NetworkConfig",
    "NeuralCache",
    "Preset",
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
    "GRU": "layers",
    "IRNN": "layers",
    "LSTM": "layers",
    "SimpleRNN": "layers",
    "SkipRNN": "layers",
    "SkipUpdateGRU": "layers",
    "SkipUpdateLSTM": "layers",
    "NETWORKS": "architectures",
    "NetworkConfig": "architectures",
    "NeuralCache": "neural_cache",
    "PRESETS": "presets",
    "Preset": "presets",
    "LanguageModel": "language_model",
    "Suggestion": "answers",
    "TextScore": "answers",
    "Sampler": "sampler",
    "Vocabulary": "vocabulary",
    "initializers": "initializers",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
