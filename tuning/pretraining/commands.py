"""The command line of a training, and of a search for how to train. Needs no TensorFlow."""

import shlex
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["train_command", "tune_command"]


def train_command(network: NetworkConfig, training: TrainingConfig, output: str) -> str:
    """The `rnnzoo train` that trains this network in this way: the corpus, and whatever is not as by default.

    >>> network, training = NetworkConfig(network="irnn", units=100), TrainingConfig(rotation=True, patience=None)
    >>> train_command(network, training, "runs/irnn")
    'rnnzoo train irnn --units 100 --corpus wikitext-2 --rotation --patience none --output runs/irnn'
    """
    return shlex.join(["rnnzoo", "train", *_recipe(network, training), "--output", output])


def tune_command(
    network: NetworkConfig, training: TrainingConfig, space: Sequence[str], output: str, **options: str | int
) -> str:
    """The `rnnzoo tune` that searches a space for such a training, with further options of the search.

    >>> network, training = NetworkConfig(network="irnn"), TrainingConfig(epochs=1)
    >>> tune_command(network, training, ["learning_rate=0.001,0.002"], "searches/irnn", max_trials=2)
    'rnnzoo tune irnn --corpus wikitext-2 --epochs 1 --range learning_rate=0.001,0.002 --max-trials 2 --output searches/irnn'
    """  # noqa: E501, since a doctest cannot break its line
    ranges = [word for one in space for word in ("--range", one)]
    asked = [word for name, value in options.items() for word in _option(name, value)]
    return shlex.join(["rnnzoo", "tune", *_recipe(network, training), *ranges, *asked, "--output", output])


def _recipe(network: NetworkConfig, training: TrainingConfig) -> list[str]:
    words = [network.network]
    for configuration in (network, training):
        for field in fields(configuration):
            value = getattr(configuration, field.name)
            if field.name == "corpus_options":
                words += [word for option, given in value.items() for word in ("--corpus-option", f"{option}={given}")]
            elif field.name != "network" and (value != field.default or field.name == "corpus"):
                words += _option(field.name, value)
    return words


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
