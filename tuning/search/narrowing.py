"""The space that a user asks for: all of it, or a small file, narrowed by single names. Needs no TensorFlow."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.full_space import full_space
from rnnzoo.tuning.search.hyperparameters import CLIPPING, Hyperparameter, parse_hyperparameters
from rnnzoo.tuning.search.space import DEFAULT_SPACE
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = ["FULL", "begun_space", "narrowed_space", "read_space_file"]

FULL = "full"


def narrowed_space(
    networks: Sequence[NetworkConfig],
    training: TrainingConfig,
    base: str | None = None,
    ranges: Sequence[str] = (),
    fixes: Sequence[str] = (),
    held: Collection[str] = (),
) -> tuple[str, ...]:
    """What to search, as `parse_hyperparameters` reads it.

    Args:
        networks: the networks to choose from.
        training: the recipe.
        base: "full", the path of a space file, or None, which is the learning rate and `clipnorm`, unless there are
            `ranges`: then these alone.
        ranges: `name=low:high`, `name=low:high:log` or `name=one,two`, in place of what the base says of the name.
        fixes: `name=value`, in place of what the base says of the name.
        held: options of the networks or the recipe that were given: they hold in every trial, whatever the base says.

    Raises:
        ValueError: if a name is given twice, also as an option, a fix is no single value, or the file is no space.
        FileNotFoundError: if there is no such file.

    Example:
        >>> networks = [NetworkConfig(network="lstm")]
        >>> narrowed_space(networks, TrainingConfig(), ranges=["units=64:256"], fixes=["dropout=0.5"])
        ('units=64:256', 'dropout=0.5')
        >>> narrowed_space(networks, TrainingConfig(), fixes=["clipnorm=1"])
        ('learning_rate=1e-5:1e2:log', 'clipnorm=1')
        >>> narrowed_space(networks, TrainingConfig(learning_rate=1.0), held=["learning_rate"])
        ('clipnorm=1e-2:1e2:log',)
    """
    given = _given(ranges, fixes)
    held = _settled(held, given)
    if base == FULL:
        return _written_out(full_space(networks, training, given, held))
    if base is not None:
        space = read_space_file(Path(base))
    elif ranges:
        space = {}
    else:
        space = dict(text.split("=", 1) for text in DEFAULT_SPACE)
    return _written_out({**{name: written for name, written in space.items() if name not in held}, **given})


def begun_space(
    begun: Mapping[str, Hyperparameter], ranges: Sequence[str] = (), fixes: Sequence[str] = ()
) -> dict[str, Hyperparameter]:
    """The space of a search that is resumed, with what is said of single names in its place.

    Raises:
        ValueError: as `narrowed_space`.

    Example:
        >>> begun = parse_hyperparameters(["units=64:256", "dropout=0.5"])
        >>> begun_space(begun) == begun, begun_space(begun, ["units=64:256"]) == begun
        (True, True)
        >>> begun_space(begun, ["units=64:128"]) == begun
        False
    """
    given = _given(ranges, fixes)
    return {**begun, **parse_hyperparameters([f"{name}={written}" for name, written in given.items()])}


def _settled(held: Collection[str], given: Collection[str]) -> set[str]:
    """All names that the options settle: one way to clip gradients settles them all.

    Raises:
        ValueError: if one of them is given beside.
    """
    ways = {*CLIPPINGS, CLIPPING}
    for option in held:
        for name in given:
            if name == option or {name, option} <= ways:
                raise ValueError(
                    f"an option holds in every trial, so it needs no --range or --fix, but got "
                    f"--{option.replace('_', '-')} and {name}=."
                )
    return set(held) | (ways if ways & set(held) else set())


def _written_out(space: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={written}" for name, written in space.items())


def _given(ranges: Sequence[str], fixes: Sequence[str]) -> dict[str, str]:
    """What is said of single names."""
    given: dict[str, str] = {}
    for text in (*ranges, *fixes):
        name, equals, written = (part.strip() for part in text.partition("="))
        if not equals or not name or not written:
            raise ValueError(
                f"a range must be written name=low:high, name=low:high:log or name=one,two, a fixed value name=value, "
                f"but got {text!r}."
            )
        if text in fixes and (":" in written or "," in written):
            raise ValueError(f"a fixed value must be one value, name=value, but got {text!r}.")
        if name in given:
            raise ValueError(f"each hyperparameter must be given once, but got {name} again in {text}.")
        given[name] = written
    return given


def read_space_file(path: Path) -> dict[str, str]:
    """The hyperparameters of a TOML file, by name, as they are written on the command line.

    A text is what the command line takes behind `name=`, a list holds choices, a single value holds in every trial:

        learning_rate = "1e-5:1e2:log"
        units = [64, 128, 256]
        normalization = ["none", "layer"]
        optimizer = "adam"

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not TOML, says nothing, or holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"a space must be {FULL!r} or a TOML file, but there is no file {path}.")
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no TOML, or no text
        raise ValueError(f"a space file must be TOML, but {path} is not: {error}") from error
    if not told:
        raise ValueError(f"a space must vary something, but {path} says nothing.")
    return {name: _written(name, value, path) for name, value in told.items()}


def _written(name: str, value: Any, path: Path) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case [_, *_] if not any(isinstance(one, list | dict) for one in value):
            return ",".join(_written(name, one, path) for one in value)
    raise ValueError(f"{name} must be a text, a number, true, false or a list of these, but {path} says {value!r}.")
