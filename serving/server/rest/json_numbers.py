"""Numbers as TensorFlow Serving prints them: six digits where they suffice, else all; `.0` behind whole ones."""

import math

import numpy as np

__all__ = ["decimal_text", "decimal_texts"]

_ALL_DIGITS = {np.dtype(np.float32): 9, np.dtype(np.float64): 17}


def decimal_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat float32 or float64 array. Reading one back gives the same number.

    >>> decimal_texts(np.array([9000000, 999999, 0.5, 3e-5, 555557.5, 1 / 3, np.nan, -np.inf], np.float32))
    ['9e+06', '999999.0', '0.5', '3e-05', '555557.5', '0.333333343', 'NaN', '-Infinity']
    """
    numbers = values.tolist()
    texts = [f"{number:g}" for number in numbers]
    with np.errstate(over="ignore"):
        again = np.array([float(text) for text in texts], dtype=np.float64).astype(values.dtype)
    digits = _ALL_DIGITS[values.dtype]
    for index in np.flatnonzero(again != values).tolist():
        texts[index] = f"{numbers[index]:.{digits}g}"
    return [text if "." in text or "e" in text else _marked(text) for text in texts]


def decimal_text(value: np.floating) -> str:
    """The text of one float32 or float64.

    >>> decimal_text(np.float32(3)), decimal_text(np.float64(0.1))
    ('3.0', '0.1')
    """
    return decimal_texts(np.array([value]))[0]


def _marked(text: str) -> str:
    # A list of 1.0 and 2.5 must not look like one of integers and decimals.
    number = float(text)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return text + ".0"
