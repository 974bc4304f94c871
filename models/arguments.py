"""What counts as an integer and as a number among arguments. Needs no TensorFlow."""

import math
from numbers import Integral, Real
from typing import TypeGuard

__all__ = ["is_integer", "is_number"]


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
