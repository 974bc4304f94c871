"""What `generate` may be told beside the text, checked before it is sent. Needs no TensorFlow."""

import math
import operator

__all__ = ["check_controls"]


def check_controls(max_words: int, temperature: float, top_k: int, top_p: float) -> None:
    """Raise a ValueError for what every server refuses; the most words that one writes are its own business.

    >>> check_controls(20, 1.0, 0, 1.0)
    >>> check_controls(20, -1.0, 0, 1.0)
    Traceback (most recent call last):
        ...
    ValueError: temperature must be at least 0 and finite, but got temperature=-1.0.
    """
    for name, value, least in (("max_words", max_words, 1), ("top_k", top_k, 0)):
        if not hasattr(value, "__index__") or operator.index(value) < least:
            raise ValueError(f"{name} must be at least {least}, and an integer, but got {name}={value!r}.")
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be at least 0 and finite, but got {temperature=}.")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, but got {top_p=}.")
