"""The names that somebody may have meant."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question after the nearest of the known names, at most three, with a space in front; nothing if none is near.

    Example:
        >>> did_you_mean("lstmm", ["lstm", "gru"])
        ' Did you mean lstm?'
        >>> did_you_mean("rnn", ["irnn", "gru"]), did_you_mean("transformer", ["lstm", "gru"])
        (' Did you mean irnn?', '')
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3) or [one for one in names if name and name in one][:3]
    return f" Did you mean {_either(near)}?" if near else ""


def _either(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
