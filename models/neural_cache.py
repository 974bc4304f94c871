"""How a language model is mixed with a cache of the words that it has just read. Needs no TensorFlow."""

from dataclasses import dataclass

from rnnzoo.models.arguments import real, whole

__all__ = ["NeuralCache"]

_OF = "a neural cache's "


@dataclass(frozen=True, kw_only=True)
class NeuralCache:
    """How a language model is mixed with a cache of what it has just read (Grave, Joulin & Usunier 2017).

    The cache holds pairs of a past hidden state `h_i` and the word `x_{i+1}` that came after it. The next word is `w`
    with probability `(1 - share) p_vocabulary(w) + share p_cache(w)`, where `p_cache(w)` is proportional to the sum of
    `exp(sharpness h_t·h_i)` over the positions `i < t` with `x_{i+1} = w`. Nothing is learnt. While the cache is empty,
    the vocabulary has it all. The hidden state is what the softmax reads: the output of the last layer.

    Attributes:
        size: how many past words are remembered; the paper's for WikiText-2. Time and memory grow with it.
        sharpness: the paper's θ. 0 counts words and ignores their contexts; large values go by the most similar
            context alone. It depends on how long a network's hidden states are: tune it.
        share: the paper's λ, from 0, no cache, to 1, nothing but the cache.

    Raises:
        ValueError: if a value is out of its range.

    >>> NeuralCache(size=500).share
    0.2
    """

    size: int = 2000
    sharpness: float = 0.3
    share: float = 0.2

    def __post_init__(self) -> None:
        checked = {
            "size": whole("size", self.size, least=1, of=_OF),
            "sharpness": real("sharpness", self.sharpness, least=0, of=_OF),
            "share": real("share", self.share, least=0, most=1, of=_OF),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
