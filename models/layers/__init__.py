"""The recurrent layers of the zoo."""

from rnnzoo.models.layers.gated import GRU, LSTM
from rnnzoo.models.layers.simple import IRNN, SimpleRNN
from rnnzoo.models.layers.skip import SkipRNN
from rnnzoo.models.layers.skip_update import SkipUpdateGRU, SkipUpdateLSTM

__all__ = ["GRU", "IRNN", "LSTM", "SimpleRNN", "SkipRNN", "SkipUpdateGRU", "SkipUpdateLSTM"]
