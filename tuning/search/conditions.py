"""Where a hyperparameter means something, so that no oracle learns from values that nothing read."""

from collections.abc import Mapping
from dataclasses import dataclass

from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.tuning.search.hyperparameters import CLIPPING, Choice, Hyperparameter, Value
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = ["Scope", "scope_of"]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where one hyperparameter is active.

    Attributes:
        networks: the networks that read it.
        parent: the other hyperparameter that it hangs on, if any.
        values: the values of the parent with which it is read.
    """

    networks: tuple[str, ...]
    parent: str | None = None
    values: tuple[Value, ...] = ()


def scope_of(
    name: str,
    networks: Mapping[str, NetworkConfig],
    training: TrainingConfig,
    hyperparameters: Mapping[str, Hyperparameter],
) -> Scope:
    """Where the hyperparameter `name` is active in a search over `networks`, `training` and `hyperparameters`.

    Raises:
        ValueError: if it is active nowhere, or hangs on another hyperparameter in some of its networks only.

    Example:
        >>> networks = {name: NetworkConfig(network=name) for name in ("lstm", "skip_rnn")}
        >>> scope_of("skip", networks, TrainingConfig(), {})
        Scope(networks=('skip_rnn',), parent=None, values=())
        >>> scope_of("warmup", networks, TrainingConfig(schedule="constant"), {})
        Traceback (most recent call last):
            ...
        ValueError: warmup needs schedule to be one of warmup, cosine, but got constant.
    """
    takers = [network for network, row in ARCHITECTURES.items() if name in row.takes] or list(networks)
    taking = [network for network in networks if network in takers]
    if not taking:
        raise ValueError(f"{name} is an option of {', '.join(takers)}, but got {', '.join(networks)}.")
    met: dict[str, tuple[str | None, tuple[Value, ...]]] = {}
    unmet = ""
    for network in taking:
        parent, allowed = _need(name, network, hyperparameters)
        if parent is None:
            met[network] = (None, ())
            continue
        given = _values(parent, networks[network], training, hyperparameters)
        reading = tuple(value for value in given if value in allowed)
        if reading:
            met[network] = (parent, reading) if len(reading) < len(given) else (None, ())
        else:
            unmet = f"{name} needs {parent} to be one of {_listed(allowed)}, but got {_listed(given)}."
    if not met:
        raise ValueError(unmet)
    if len(set(met.values())) > 1:
        raise ValueError(f"{name} hangs on {parent} in some networks only, search them apart: got {', '.join(met)}.")
    parent, reading = next(iter(met.values()))
    return Scope(networks=tuple(met), parent=parent, values=reading)


def _need(
    name: str, network: str, hyperparameters: Mapping[str, Hyperparameter]
) -> tuple[str | None, tuple[Value, ...]]:
    """What decides whether `name` is read, and the values with which it is."""
    if name in CLIPPINGS and CLIPPING in hyperparameters:
        return CLIPPING, (name,)
    match name:
        case "warmup":
            return "schedule", ("warmup", "cosine")
        case "recurrent_learning_rate":
            return "optimizer", ("sgd",)
        case "samples":
            return "loss", ("auto", "sampled")
        case "division":
            return "softmax", ("adaptive",)
        case "recurrent_scale":
            return "recurrent_initializer", ("identity", None) if network == "irnn" else ("identity",)
    return None, ()


def _values(
    parent: str, network: NetworkConfig, training: TrainingConfig, hyperparameters: Mapping[str, Hyperparameter]
) -> tuple[Value, ...]:
    varied = hyperparameters.get(parent)
    if isinstance(varied, Choice):
        return varied.values
    return (getattr(network, parent) if hasattr(network, parent) else getattr(training, parent),)


def _listed(values: tuple[Value, ...]) -> str:
    return ", ".join("none" if value is None else str(value) for value in values)
