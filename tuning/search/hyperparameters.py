"""What a user writes to search over a choice of a network or of its training, parsed. Needs no TensorFlow."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.near_names import did_you_mean
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = [
    "CLIPPING",
    "SEARCHABLE",
    "Choice",
    "Hyperparameter",
    "Range",
    "Value",
    "parse_hyperparameter",
    "parse_hyperparameters",
]

Value = bool | int | float | str | None

# Choices of the search itself, not of what it compares.
_FIXED = {"network", "corpus", "corpus_options", "vocabulary_limit", "epochs", "patience", "seed"}
_FIXED |= {"checkpoint_steps", "jit_compile"}
_FIXED |= {"from_preset"}  # its words are those of the corpus that all trials share
_FIXED |= {"cutoffs"}  # several numbers that belong together

# Which of the three ways to clip gradients, if any: a choice over options, no option itself.
CLIPPING = "clipping"

# name → its type, such as "int | None"
SEARCHABLE: Mapping[str, str] = {
    **{
        field.name: str(getattr(field.type, "__name__", field.type))
        for config in (NetworkConfig, TrainingConfig)
        for field in fields(config)
        if field.name not in _FIXED
    },
    CLIPPING: "str | None",
}


@dataclass(frozen=True, kw_only=True)
class Range:
    """All numbers from `low` to `high`, both included.

    Attributes:
        step: the distance between two values, or their ratio on a log scale; None (default) leaves no gaps.
        log: whether equal ratios are equally likely rather than equal differences.
        integer: whether only whole numbers count.
    """

    name: str
    low: float
    high: float
    step: float | None = None
    log: bool = False
    integer: bool = False

    @property
    def ends(self) -> tuple[Value, ...]:
        return (self.low, self.high)

    def declare(self, hp: Any) -> Value:
        """The value in `hp`, a `keras_tuner.HyperParameters`; None where it is inactive."""
        kind = hp.Int if self.integer else hp.Float
        sampling = "log" if self.log else "linear"
        return kind(self.name, self.low, self.high, step=self.step, sampling=sampling)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values. A single one is no hyperparameter to KerasTuner: it holds in every trial."""

    name: str
    values: tuple[Value, ...]

    @property
    def ends(self) -> tuple[Value, ...]:
        return self.values

    @property
    def fixed(self) -> bool:
        return len(self.values) == 1

    def declare(self, hp: Any) -> Value:
        """The value in `hp`, a `keras_tuner.HyperParameters`; None where it is inactive."""
        return self.values[0] if self.fixed else self.decode(hp.Choice(self.name, self.encoded))

    @property
    def encoded(self) -> list[Value]:
        """The values as KerasTuner takes them: it knows no None and no mixture of types, so a None makes all text."""
        return [_written(value) for value in self.values] if None in self.values else list(self.values)

    def decode(self, value: Value) -> Value:
        return dict(zip(self.encoded, self.values, strict=True)).get(value)


Hyperparameter = Range | Choice


def parse_hyperparameters(texts: Sequence[str]) -> dict[str, Hyperparameter]:
    """Parse what a user writes on the command line.

    Args:
        texts: `name=low:high`, `name=low:high:log`, either with a further `:step`; `name=one,two,three`; or
            `name=value`, which holds in every trial. "none" is None where the field may be None. "clipping" chooses
            between ways to clip gradients, each of which has a threshold of its own in the space.

    Returns:
        The hyperparameters by name, in the order given.

    Raises:
        ValueError: for anything else; and for an unknown name, one given twice, an empty range, two ways to clip with
            nothing that chooses, and a way to clip without its threshold.

    Example:
        >>> space = parse_hyperparameters(["learning_rate=1e-5:1e2:log", "units=64:256", "dropout=0.1,0.3"])
        >>> space["units"]
        Range(name='units', low=64, high=256, step=None, log=False, integer=True)
        >>> space["dropout"].values
        (0.1, 0.3)
        >>> parse_hyperparameters(["units=256:64"])
        Traceback (most recent call last):
            ...
        ValueError: a range must run from low to high, but got units=256:64.
    """
    space: dict[str, Hyperparameter] = {}
    for text in texts:
        parsed = parse_hyperparameter(text)
        if parsed.name in space:
            raise ValueError(f"each hyperparameter must be given once, but got {parsed.name} again in {text}.")
        space[parsed.name] = parsed
    _check_clipping(space)
    return space


def _check_clipping(space: Mapping[str, Hyperparameter]) -> None:
    """Raise a ValueError unless each trial clips gradients in one way at most, with a threshold for it."""
    ways = [name for name in CLIPPINGS if name in space]
    choice = space.get(CLIPPING)
    if not isinstance(choice, Choice):
        if len(ways) > 1:
            raise ValueError(
                f"gradients are clipped in one way at most, but got {' and '.join(ways)}; "
                f"{CLIPPING}={','.join(ways)} chooses one in each trial."
            )
        return
    for way in choice.values:
        if way is not None and way not in CLIPPINGS:
            raise ValueError(f"{CLIPPING} must be one of {', '.join(CLIPPINGS)}, none, but got {way!r}.")
        if way is not None and way not in ways:
            raise ValueError(f"a way to clip needs its threshold, such as {way}=0.01:100:log, but got none for {way}.")


def parse_hyperparameter(text: str) -> Hyperparameter:
    """Parse one, see `parse_hyperparameters`."""
    name, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not name or not written:
        raise ValueError(
            f"a hyperparameter must be written name=low:high, name=low:high:log, name=one,two or name=value, "
            f"but got {text!r}."
        )
    if name not in SEARCHABLE:
        raise ValueError(
            f"a hyperparameter must be one of {', '.join(sorted(SEARCHABLE))}, but got {name!r}."
            f"{did_you_mean(name, SEARCHABLE)}"
        )
    kind = SEARCHABLE[name].removesuffix(" | None")
    if kind in ("int", "float") and ":" in written:
        return _parse_range(name, written, integer=kind == "int")
    optional = SEARCHABLE[name].endswith(" | None")
    values = tuple(
        None if optional and part.strip() == "none" else _parse_value(name, kind, part.strip(), text)
        for part in written.split(",")
    )
    if len(set(values)) < len(values):
        raise ValueError(f"choices must differ, but got {text}.")
    return Choice(name=name, values=values)


def _parse_range(name: str, written: str, *, integer: bool) -> Range:
    text = f"{name}={written}"
    first, second, *options = (part.strip() for part in written.split(":"))
    kind = "int" if integer else "float"
    low, high = (_parse_number(name, kind, part, text) for part in (first, second))
    log = options[:1] == ["log"]
    steps = options[1:] if options[:1] in (["log"], ["linear"]) else options
    if len(steps) > 1:
        raise ValueError(f"a range must be written low:high, low:high:log or low:high:log:step, but got {text}.")
    step = _parse_number(name, kind, steps[0], text) if steps else None
    if low > high:
        raise ValueError(f"a range must run from low to high, but got {text}.")
    if log and low <= 0:
        raise ValueError(f"a range on a log scale must begin above 0, but got {text}.")
    if step is not None and step <= (1 if log else 0):
        raise ValueError(f"a step must be above 0, and above 1 on a log scale, but got {text}.")
    return Range(name=name, low=low, high=high, step=step, log=log, integer=integer)


def _parse_value(name: str, kind: str, written: str, text: str) -> Value:
    if not written:
        raise ValueError(f"choices must not be empty, but got {text}.")
    if kind == "bool":
        if written not in ("true", "false"):
            raise ValueError(f"{name} must be true or false, but got {text}.")
        return written == "true"
    return written if kind == "str" else _parse_number(name, kind, written, text)


def _parse_number(name: str, kind: str, written: str, text: str) -> int | float:
    try:
        number = int(written) if kind == "int" else float(written)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        expected = "an integer" if kind == "int" else "a finite number"
        raise ValueError(f"{name} must be {expected}, but got {text}.") from None
    return number


def _written(value: Value) -> str:
    return "none" if value is None else str(value)
