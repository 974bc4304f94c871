"""One thing to try against what ails a network, and what it is chosen for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.verdict import GROWN
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["Patient", "Remedy", "flags", "rounded"]

LONG_UPDATE = 0.1  # of the weights in one step: a hundred times what is usual


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """One thing to try.

    Attributes:
        name: "activation", "initialiser", "normalisation", "skip connection", "gates", "clipping", "learning rate",
            "schedule" or "window".
        reason: what it does, with its source.
        arguments: of `rnnzoo train`; after `--repeat RUN` they change just this.
        keras: the same in Keras, an expression in which `units` is the size of the layer, `layers` the recurrent ones,
            `tokens` the corpus.
    """

    name: str
    reason: str
    arguments: tuple[str, ...]
    keras: str


@dataclass(frozen=True)
class Patient:
    """What a remedy is chosen for: a network, how it learns, and what was measured of it."""

    evidence: Evidence
    network: NetworkConfig
    training: TrainingConfig

    def become(self, network: str, **options: Any) -> tuple[str, ...]:
        """The arguments that make this network another one, without the options that the other does not know."""
        useless = {
            name: None
            for name in frozenset().union(*(row.takes for row in ARCHITECTURES.values())) - ARCHITECTURES[network].takes
            if getattr(self.network, name) is not None
        }
        initializer = options.get("recurrent_initializer", self.network.recurrent_initializer)
        if self.network.recurrent_scale is not None and network != "irnn" and initializer != "identity":
            useless["recurrent_scale"] = None
        return (() if network == self.network.network else (network,)) + flags({**useless, **options})

    @property
    def starts_too_large(self) -> bool:
        """Whether the gradient grew before any step was made, so that no learning rate is to blame."""
        return (self.evidence.left_at_first or 0.0) >= GROWN

    @property
    def steps_too_far(self) -> bool:
        if self.evidence.first_factor is not None:
            return not self.starts_too_large
        return (self.evidence.update_ratio or 0.0) >= LONG_UPDATE


def flags(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The arguments of `rnnzoo train` for these options.

    >>> flags({"units": 8, "clipnorm": None})
    ('--clipnorm', 'none', '--units', '8')
    """
    words = []
    for name, value in sorted(options.items()):
        if name == "dilated" and value is None:
            words.append("--no-dilated")
            continue
        shown = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        words += [f"--{name.replace('_', '-')}", shown]
    return tuple(words)


def rounded(number: float) -> float:
    """Two digits are all that a threshold or a rate is known to."""
    return float(f"{number:.1e}")
