"""From a network's configuration to its stack of Keras layers."""

from typing import Any

import keras

from rnnzoo.models import initializers, layers
from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.models.layers.layer import RecurrentLayer

__all__ = ["recurrent_layers"]


def recurrent_layers(config: NetworkConfig, dtype: Any = None) -> list[RecurrentLayer]:
    """The layers of a network, each returning its sequence and its states.

    Args:
        config: the network and its sizes.
        dtype: their policy, as Keras takes it; None, the global one.

    Example:
        >>> [layer.units for layer in recurrent_layers(NetworkConfig(network="gru", units=8, layers=2, embedding=4))]
        [8, 4]
    """
    architecture = ARCHITECTURES[config.network]
    layer_class = getattr(layers, architecture.layer)
    return [
        layer_class(
            units,
            **architecture.options,
            **_options(config, level),
            normalization=config.normalization,
            recurrent_dropout=config.recurrent_dropout,
            return_sequences=True,
            return_state=True,
            name=f"{config.network}_{level}",
            dtype=dtype,
        )
        for level, units in enumerate(config.layer_units)
    ]


def _options(config: NetworkConfig, level: int) -> dict[str, Any]:
    """The arguments that this network's layer takes and the configuration names."""
    architecture = ARCHITECTURES[config.network]
    options: dict[str, Any] = {
        name: getattr(config, name)
        for name in architecture.takes - {"longest_lag"}
        if getattr(config, name) is not None
    }
    if config.dilated:
        options["skip"] = (1 if config.skip is None else config.skip) * 2**level
    if config.longest_lag is not None and architecture.chrono is not None:
        options["bias_initializer"] = getattr(initializers, architecture.chrono)(config.longest_lag)
    if config.network == "irnn" and config.recurrent_initializer in (None, "identity"):
        options["scale"] = 1.0 if config.recurrent_scale is None else config.recurrent_scale
    elif config.recurrent_initializer is not None:
        options["recurrent_initializer"] = initializers.SquareBlocks(_recurrent_initializer(config))
    return options


def _recurrent_initializer(config: NetworkConfig) -> Any:
    if config.recurrent_initializer == "identity":
        return keras.initializers.Identity(1.0 if config.recurrent_scale is None else config.recurrent_scale)
    if config.recurrent_initializer == "np_rnn":
        return initializers.NonNegativeProduct()
    return config.recurrent_initializer
