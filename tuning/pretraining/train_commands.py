"""The command line of a training. Needs no TensorFlow."""

import shlex
from dataclasses import fields
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["train_command"]


def train_command(network: NetworkConfig, training: TrainingConfig, output: str) -> str:
    """The `rnnzoo train` that trains this network in this way: the corpus, and whatever is not as by default.

    >>> network, training = NetworkConfig(network="irnn", units=100), TrainingConfig(rotation=True, patience=None)
    >>> train_command(network, training, "runs/irnn")
    'rnnzoo train irnn --units 100 --corpus wikitext-2 --rotation --patience none --output runs/irnn'
    """
    words = ["rnnzoo", "train", network.network]
    for configuration in (network, training):
        for field in fields(configuration):
            value = getattr(configuration, field.name)
            if field.name == "corpus_options":
                words += [word for option, given in value.items() for word in ("--corpus-option", f"{option}={given}")]
            elif field.name != "network" and (value != field.default or field.name == "corpus"):
                words += _option(field.name, value)
    return shlex.join([*words, "--output", output])


def _option(name: str, value: Any) -> list[str]:
    name = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, tuple):
        return [f"--{name}", ",".join(map(str, value))]
    if isinstance(value, float):
        short = format(value, "g")
        return [f"--{name}", short if float(short) == value else repr(value)]
    return [f"--{name}", "none" if value is None else str(value)]
