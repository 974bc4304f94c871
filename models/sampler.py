"""How the next word is drawn from its distribution: greedy, top-k, top-p and temperature. Needs no TensorFlow."""

from dataclasses import dataclass

from rnnzoo.models.arguments import real, whole

__all__ = ["LARGEST", "Sampler", "check_max_words", "wrapped_seed"]

LARGEST = 2**31 - 1
"""Of an int32, as which graphs and servers take integers."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """What `generate` draws from.

    Attributes:
        temperature: divides the logits; 1 draws from the network's own distribution, 0 always takes the likeliest word.
        top_k: draw among the so many likeliest words only; 0 for all.
        top_p: draw among the likeliest words that together hold this probability (Holtzman et al. 2020); 1 for all.

    Example:
        >>> Sampler(temperature=-1)
        Traceback (most recent call last):
            ...
        ValueError: temperature must be at least 0 and finite, but got temperature=-1.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        real("temperature", self.temperature, least=0)
        whole("top_k", self.top_k, 0, LARGEST)
        real("top_p", self.top_p, above=0, most=1)


def check_max_words(max_words: int) -> None:
    """Raise a ValueError unless a text can be continued by so many words.

    >>> check_max_words(0)
    Traceback (most recent call last):
        ...
    ValueError: max_words must be an integer from 1 to 2147483647, but got max_words=0.
    """
    whole("max_words", max_words, 1, LARGEST)


def wrapped_seed(seed: int, row: int = 0) -> int:
    """The seed that a row is drawn with, as graphs and servers take it. Raises a ValueError unless it is an integer.

    >>> wrapped_seed(2**31 - 1, row=1)
    0
    """
    return (whole("seed", seed) + row) % 2**31
