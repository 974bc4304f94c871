"""What a language model answers, in Keras and over the network alike. Needs no TensorFlow."""

from dataclasses import dataclass

__all__ = ["Suggestion", "TextScore"]


@dataclass(frozen=True)
class Suggestion:
    """A next word and its probability: over the whole vocabulary, mixed with that of a cache if one was asked for."""

    word: str
    probability: float


@dataclass(frozen=True)
class TextScore:
    """How likely a text is.

    Attributes:
        words: the text's words as the vocabulary splits them.
        log_probabilities: the natural log probability of each word after those before it.
    """

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]

    @property
    def total(self) -> float:
        """The log probability of the whole text, in nats."""
        return float(sum(self.log_probabilities))
