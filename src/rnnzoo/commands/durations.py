"""How long, as people write it."""

import re

__all__ = ["parse_duration"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """Seconds, from `90s`, `45m`, `2h`, `1.5h`, `1h30m` or `1d`.

    Raises:
        ValueError: for anything else, and for no time at all.

    Example:
        >>> parse_duration("1h30m")
        5400.0
        >>> parse_duration("2")
        Traceback (most recent call last):
            ...
        ValueError: a duration must be written 90s, 45m, 2h or 1h30m, but got '2'.
    """
    number = r"\d+(?:\.\d+)?"
    if re.fullmatch(rf"(?:{number}[smhd])+", text):
        seconds = sum(float(count) * _SECONDS[unit] for count, unit in re.findall(rf"({number})([smhd])", text))
        if seconds > 0:
            return seconds
    raise ValueError(f"a duration must be written 90s, 45m, 2h or 1h30m, but got {text!r}.")
