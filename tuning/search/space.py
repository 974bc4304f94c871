"""The pairs of a network and a recipe that a search may try."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Self

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.conditions import scope_of
from rnnzoo.tuning.search.hyperparameters import (
    CLIPPING,
    Choice,
    Hyperparameter,
    Range,
    Value,
    parse_hyperparameters,
)
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = ["DEFAULT_SPACE", "Space"]

# The two that decide whether a recurrent network learns, blows up or stands still.
DEFAULT_SPACE = ("learning_rate=1e-5:1e2:log", "clipnorm=1e-2:1e2:log")

_NETWORK_OPTIONS = frozenset(field.name for field in fields(NetworkConfig))


class Space:
    """Networks × recipes: what all trials share, and what each may vary.

    Args:
        networks: the networks to choose from, each with the options that do not vary.
        training: the recipe, with the options that do not vary.
        hyperparameters: what varies, as `parse_hyperparameters` reads it, or parsed. A way of clipping replaces the
            recipe's.

    Raises:
        ValueError: if there is no network, one is given twice, nothing varies, a hyperparameter means nothing to any of
            the networks, or a range ends where the option does not allow it.

    Example:
        >>> import keras_tuner
        >>> networks = [NetworkConfig(network="lstm"), NetworkConfig(network="skip_rnn")]
        >>> space = Space(networks, TrainingConfig(), ["skip=2:8", "learning_rate=1:100:log"])
        >>> hp = keras_tuner.HyperParameters()
        >>> network, training = space.declare(hp)
        >>> hp.values
        {'network': 'lstm', 'learning_rate': 1.0}
        >>> hp.values = {"network": "skip_rnn", "learning_rate": 20.0, "skip": 4}
        >>> network, training = space.declare(hp)
        >>> network.skip, training.learning_rate
        (4, 20.0)
    """

    def __init__(
        self,
        networks: Sequence[NetworkConfig],
        training: TrainingConfig,
        hyperparameters: Sequence[str] | Mapping[str, Hyperparameter] = DEFAULT_SPACE,
    ) -> None:
        names = [config.network for config in networks]
        if not names:
            raise ValueError("a search must have at least one network, but got none.")
        if len(set(names)) < len(names):
            raise ValueError(f"each network must be given once, but got {', '.join(names)}.")
        self.networks = dict(zip(names, networks, strict=True))
        self.training = training
        if isinstance(hyperparameters, Mapping):
            varied = dict(hyperparameters)
        else:
            varied = parse_hyperparameters(hyperparameters)
        if len(names) == 1 and all(isinstance(one, Choice) and one.fixed for one in varied.values()):
            raise ValueError(
                "a search must vary something, a hyperparameter (name=low:high or name=one,two) or the network, but "
                f"got {', '.join(hyperparameters) or 'nothing'} for {names[0]}."
            )
        self._scopes = {name: scope_of(name, self.networks, training, varied) for name in varied}
        # KerasTuner wants a parent declared before what hangs on it.
        self.hyperparameters = dict(sorted(varied.items(), key=lambda item: self._scopes[item[0]].parent is not None))
        self._check_ends()

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        """The space that `describe` described.

        Example:
            >>> space = Space([NetworkConfig(network="gru")], TrainingConfig(), ["units=8:16", "clipnorm=none,1"])
            >>> Space.from_description(space.describe()).describe() == space.describe()
            True
        """
        hyperparameters: dict[str, Hyperparameter] = {
            name: Choice(name=name, values=tuple(one["values"])) if "values" in one else Range(**one)
            for name, one in described["hyperparameters"].items()
        }
        networks = [NetworkConfig.from_dict(values) for values in described["networks"].values()]
        return cls(networks, TrainingConfig.from_dict(described["training"]), hyperparameters)

    def declare(self, hp: Any) -> tuple[NetworkConfig, TrainingConfig]:
        """Declare all hyperparameters in `hp`, a `keras_tuner.HyperParameters`, and pair up what its values say."""
        network = next(iter(self.networks))
        if len(self.networks) > 1:
            network = hp.Choice("network", list(self.networks))
        values: dict[str, Value] = {}
        for name, hyperparameter in self.hyperparameters.items():
            scope = self._scopes[name]
            with contextlib.ExitStack() as conditions:
                if len(scope.networks) < len(self.networks):
                    conditions.enter_context(hp.conditional_scope("network", list(scope.networks)))
                if scope.parent is not None:
                    codes = self._codes(scope.parent, scope.values)
                    conditions.enter_context(hp.conditional_scope(scope.parent, codes))
                value = hyperparameter.declare(hp)
            if self._is_active(name, network, values):
                values[name] = value
        return self._pair(network, values)

    def recipe(self, values: Mapping[str, Value]) -> tuple[NetworkConfig, TrainingConfig]:
        """What a trial with these values, as users write them, trained: its network and its recipe."""
        network = str(values.get("network", next(iter(self.networks))))
        active: dict[str, Value] = {}
        for name, one in self.hyperparameters.items():
            if self._is_active(name, network, active):
                if isinstance(one, Choice) and one.fixed:
                    active[name] = one.values[0]
                elif name in values:
                    active[name] = values[name]
        return self._pair(network, active)

    def decode(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The values of a `keras_tuner.HyperParameters` as users write them, see `Choice.encoded`."""
        varied = self.hyperparameters
        return {
            name: choice.decode(value) if isinstance(choice := varied.get(name), Choice) else value
            for name, value in values.items()
        }

    def describe(self) -> dict[str, Any]:
        """The whole space in plain values, equal for equal spaces."""
        return {
            "networks": {name: config.as_dict() for name, config in self.networks.items()},
            "training": self.training.as_dict(),
            "hyperparameters": {name: asdict(one) for name, one in self.hyperparameters.items()},
        }

    def _is_active(self, name: str, network: str, values: Mapping[str, Value]) -> bool:
        """Whether a hyperparameter means something to a network, given the active values of those declared before."""
        scope = self._scopes[name]
        return network in scope.networks and (scope.parent is None or values.get(scope.parent) in scope.values)

    def _codes(self, parent: str, values: tuple[Value, ...]) -> list[Value]:
        choice = self.hyperparameters[parent]
        assert isinstance(choice, Choice)  # `scope_of` hangs nothing on a range
        return [code for code in choice.encoded if choice.decode(code) in values]

    def _pair(self, network: str, values: Mapping[str, Value]) -> tuple[NetworkConfig, TrainingConfig]:
        of_network: dict[str, Any] = {name: value for name, value in values.items() if name in _NETWORK_OPTIONS}
        of_training: dict[str, Any] = {name: value for name, value in values.items() if name not in _NETWORK_OPTIONS}
        if CLIPPING in of_training or of_training.keys() & set(CLIPPINGS):
            of_training.pop(CLIPPING, None)
            of_training = {**dict.fromkeys(CLIPPINGS), **of_training}
        return replace(self.networks[network], **of_network), replace(self.training, **of_training)

    def _check_ends(self) -> None:
        """Try both ends of each range and each choice: what is not allowed would make trial after trial fail."""
        for name, hyperparameter in self.hyperparameters.items():
            scope = self._scopes[name]
            network = scope.networks[0]
            parent = {} if scope.parent is None else {scope.parent: scope.values[0]}
            for value in hyperparameter.ends:
                self._pair(network, {**self._settled(network), **parent, name: value})

    def _settled(self, network: str) -> dict[str, Value]:
        """The values that hold in every trial of a network."""
        scopes = self._scopes
        return {
            name: one.values[0]
            for name, one in self.hyperparameters.items()
            if isinstance(one, Choice) and one.fixed and network in scopes[name].networks and not scopes[name].parent
        }
