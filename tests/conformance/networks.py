"""The list of all networks. An entry is all that a new network costs: every check runs over the list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np
from conformance import reference

from rnnzoo.models.layers.gated import GRU, LSTM
from rnnzoo.models.layers.simple import IRNN, SimpleRNN
from rnnzoo.models.layers.skip import SkipRNN
from rnnzoo.models.layers.skip_update import SkipUpdateGRU, SkipUpdateLSTM

__all__ = ["BATCH", "DIFFERENT", "FEATURES", "NETWORKS", "TIME", "TWINS", "UNITS", "Network", "names"]

BATCH, TIME, FEATURES, UNITS = 4, 7, 2, 3


@dataclass(frozen=True, kw_only=True)
class Network:
    """A layer and what it must agree with.

    Attributes:
        name: the test's name for it.
        layer: the layer's class, called with `UNITS` and `options`.
        step: its reference: `step(inputs, states, weights) -> (output, states)`.
        training_step: the reference of `training=True`, where it differs.
        twin: Keras's layer with the same weights, where there is one, called with `UNITS` and `twin_options`.
    """

    name: str
    layer: type[keras.layers.RNN]
    step: reference.Step
    options: Mapping[str, Any] = field(default_factory=dict)
    training_step: reference.Step | None = None
    twin: Callable[..., keras.layers.RNN] | None = None
    twin_options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, batch: int | None = None, weights_seed: int = 0, **options: Any) -> keras.layers.RNN:
        """The layer, with random weights: zeros and ones would hide half of what can go wrong."""
        layer = self.layer(UNITS, **{**self.options, **options})
        layer.build((batch, None, FEATURES))
        randomize(layer, weights_seed)
        return layer

    def build_twin(self, layer: keras.layers.RNN, **options: Any) -> keras.layers.RNN:
        """Keras's layer with the weights of ours."""
        assert self.twin is not None
        twin = self.twin(UNITS, **{**self.twin_options, **options})
        twin.build((None, None, FEATURES))
        twin.set_weights(layer.get_weights())
        return twin

    def states(self, layer: keras.layers.RNN, seed: int = 1) -> list[np.ndarray]:
        """Random initial states that the network can be in."""
        random = np.random.default_rng(seed)
        states = [random.normal(size=(BATCH, size)) for size in layer.cell.state_size]
        if isinstance(layer, SkipUpdateGRU | SkipUpdateLSTM):
            states[-1] = random.uniform(size=(BATCH, 1))  # the update probability
        if layer.cell.normalization == "batch":
            states[-1] = np.arange(BATCH, dtype=float)[:, np.newaxis]  # the count of steps
        return [state.astype(layer.variable_dtype) for state in states]


def randomize(layer: keras.layers.RNN, seed: int) -> None:
    random = np.random.default_rng(seed)
    for weight in layer.cell.weights:
        value = 0.6 * random.normal(size=weight.shape)
        if weight.name.endswith("gain"):
            value += 1.0
        elif weight.name.endswith("variance"):
            value = random.uniform(0.5, 2.0, size=weight.shape)
        elif weight.name == "update_bias":
            value -= 1.2  # makes a network that skips half of the steps or more
        weight.assign(value)


def names(networks: tuple[Network, ...]) -> dict[str, Any]:
    """The arguments of `pytest.mark.parametrize` for these networks."""
    return {"argnames": "network", "argvalues": networks, "ids": [network.name for network in networks]}


NETWORKS = (
    Network(
        name="simple_rnn_tanh",
        layer=SimpleRNN,
        step=reference.rnn_step,
        twin=keras.layers.SimpleRNN,
    ),
    Network(
        name="simple_rnn_relu",
        layer=SimpleRNN,
        options={"activation": "relu"},
        step=partial(reference.rnn_step, activation=reference.relu),
        twin=keras.layers.SimpleRNN,
        twin_options={"activation": "relu"},
    ),
    Network(
        name="simple_rnn_leaky_relu",
        layer=SimpleRNN,
        options={"activation": "leaky_relu"},
        step=partial(reference.rnn_step, activation=partial(reference.leaky_relu, slope=0.2)),
        twin=keras.layers.SimpleRNN,
        twin_options={"activation": "leaky_relu"},
    ),
    Network(
        name="simple_rnn_leaky_relu_with_slope",
        layer=SimpleRNN,
        options={"activation": "leaky_relu", "negative_slope": 0.05},
        step=partial(reference.rnn_step, activation=partial(reference.leaky_relu, slope=0.05)),
    ),
    Network(
        name="irnn",
        layer=IRNN,
        step=partial(reference.rnn_step, activation=reference.relu),
        twin=keras.layers.SimpleRNN,
        twin_options={"activation": "relu"},
    ),
    Network(
        name="skip_rnn",
        layer=SkipRNN,
        options={"skip": 3},
        step=reference.skip_rnn_step,
    ),
    Network(
        name="skip_rnn_dilated",
        layer=SkipRNN,
        options={"skip": 3, "dilated": True, "activation": "relu"},
        step=partial(reference.skip_rnn_step, dilated=True, activation=reference.relu),
    ),
    Network(
        name="lstm",
        layer=LSTM,
        step=reference.lstm_step,
        twin=keras.layers.LSTM,
    ),
    Network(
        name="gru",
        layer=GRU,
        step=reference.gru_step,
        twin=keras.layers.GRU,
    ),
    Network(
        name="skip_update_lstm",
        layer=SkipUpdateLSTM,
        step=reference.skip_update_step,
    ),
    Network(
        name="skip_update_gru",
        layer=SkipUpdateGRU,
        step=partial(reference.skip_update_step, inner=reference.gru_step),
    ),
    Network(
        name="layer_normalized_simple_rnn",
        layer=SimpleRNN,
        options={"normalization": "layer"},
        step=reference.layer_normalized_rnn_step,
    ),
    Network(
        name="layer_normalized_lstm",
        layer=LSTM,
        options={"normalization": "layer"},
        step=reference.normalized_lstm_step,
    ),
    Network(
        name="layer_normalized_gru",
        layer=GRU,
        options={"normalization": "layer"},
        step=reference.normalized_gru_step,
    ),
    Network(
        name="layer_normalized_skip_update_lstm",
        layer=SkipUpdateLSTM,
        options={"normalization": "layer"},
        step=partial(reference.skip_update_step, inner=reference.normalized_lstm_step),
    ),
    Network(
        name="batch_normalized_simple_rnn",
        layer=SimpleRNN,
        options={"normalization": "batch"},
        step=partial(reference.batch_normalized_rnn_step, statistics="population"),
        training_step=partial(reference.batch_normalized_rnn_step, statistics="batch"),
    ),
    Network(
        name="batch_normalized_lstm",
        layer=LSTM,
        options={"normalization": "batch"},
        step=partial(reference.normalized_lstm_step, statistics="population"),
        training_step=partial(reference.normalized_lstm_step, statistics="batch"),
    ),
    Network(
        name="batch_normalized_gru",
        layer=GRU,
        options={"normalization": "batch"},
        step=partial(reference.normalized_gru_step, statistics="population"),
        training_step=partial(reference.normalized_gru_step, statistics="batch"),
    ),
)
TWINS = tuple(network for network in NETWORKS if network.twin is not None)

# Compiling is slow, and networks that differ in their activation alone compile to the same loops: one of each.
DIFFERENT = tuple(
    {(network.layer, *map(network.options.get, ("normalization", "dilated"))): network for network in NETWORKS}.values()
)
