"""Arguments that are to be integers, numbers or truth values: checked, and Python's own. Needs no TensorFlow."""

import math
from numbers import Integral, Real
from typing import TypeGuard

__all__ = ["is_integer", "is_number", "real", "truth", "whole"]


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy; a truth value is none.

    >>> [is_integer(value) for value in (3, 3.0, True, "3")]
    [True, False, False, False]
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number of Python or NumPy; a truth value is none.

    >>> [is_number(value) for value in (3, 3.5, math.nan, True, "3")]
    [True, True, False, False, False]
    """
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def whole(name: str, value: object, least: int | None = None, most: int | None = None, *, of: str = "") -> int:
    """An argument that must be an integer, as Python's: JSON knows no NumPy.

    Args:
        name: what it is called.
        value: what was given.
        least, most: the range that it must lie in.
        of: whose it is, where the name alone says too little, such as "a neural cache's ".

    Raises:
        ValueError: if it is no integer, or out of its range.

    >>> whole("units", 0, least=1)
    Traceback (most recent call last):
        ...
    ValueError: units must be a positive integer, but got units=0.
    """
    if not is_integer(value) or (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"{of}{name} must be {_integers(least, most)}, but got {name}={value!r}.")
    return int(value)


def real(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    of: str = "",
) -> float:
    """An argument that must be a finite number, as Python's: JSON knows no NumPy.

    Args:
        name: what it is called.
        value: what was given.
        least, above, most, below: the range that it must lie in, with its ends or without them.
        of: whose it is, where the name alone says too little, such as "a neural cache's ".

    Raises:
        ValueError: if it is no finite number, or out of its range.

    >>> real("dropout", 1.5, least=0, below=1)
    Traceback (most recent call last):
        ...
    ValueError: dropout must be at least 0 and below 1, but got dropout=1.5.
    """
    if not (
        is_number(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    ):
        raise ValueError(f"{of}{name} must be {_numbers(least, above, most, below)}, but got {name}={value!r}.")
    return float(value)


def truth(name: str, value: object) -> bool:
    """An argument that must be true or false.

    Raises:
        ValueError: if it is neither; the word "no" would count as true.

    >>> truth("dilated", "no")
    Traceback (most recent call last):
        ...
    ValueError: dilated must be True or False, but got dilated='no'.
    """
    if value not in (True, False):
        raise ValueError(f"{name} must be True or False, but got {name}={value!r}.")
    return bool(value)


def _integers(least: int | None, most: int | None) -> str:
    if least is None:
        return "an integer" if most is None else f"an integer of at most {most}"
    if most is not None:
        return f"an integer from {least} to {most}"
    return "a positive integer" if least == 1 else f"an integer of at least {least}"


def _numbers(least: float | None, above: float | None, most: float | None, below: float | None) -> str:
    if least is not None and most is not None:
        return f"from {least:g} to {most:g}"
    if above == 0 and most is below is None:
        return "positive and finite"
    words = (("at least", least), ("above", above), ("at most", most), ("below", below))
    bounds = [f"{word} {bound:g}" for word, bound in words if bound is not None]
    if least is above is None or most is below is None:
        bounds.append("finite")
    return " and ".join(bounds) if len(bounds) > 1 else "a finite number"
