"""How a language model goes on learning from a text that it is measured on. Needs no TensorFlow."""

from dataclasses import dataclass

from rnnzoo.models.arguments import real, whole

__all__ = ["RULES", "DynamicEvaluation"]

# The learning rate of each rule where none is given: what a GRU of 200 units reads WikiText-2's validation split best
# with, as are the other defaults.
RULES = {"rms": 5e-4, "sgd": 0.3}

_OF = "a dynamic evaluation's "


@dataclass(frozen=True, kw_only=True)
class DynamicEvaluation:
    """How the weights follow the text that is being read (Krause, Kahembwe, Murray & Renals 2018).

    After each segment of `segment` words, which was predicted first, the weights take a step down the gradient of its
    mean loss, and a step back to where they were trained to:

    - `sgd`: `w ← w - learning_rate g + decay (w_trained - w)`
    - `rms`: `w ← w - learning_rate g / (s + epsilon) + min(1, decay s / mean s) (w_trained - w)`, where `s` is the root
      mean square of the weight's gradient on the training text, see `gradient_scales`: weights whose gradients are
      usually small move more, and are drawn back less.

    Attributes:
        rule: "rms", the paper's best, or "sgd", which needs no training text.
        learning_rate: None is 0.0005 for rms and 0.3 for sgd.
        decay: from 0, never back, to 1.
        epsilon: of the rms rule; it holds down the weights of words that were rare in training.
        segment: how many words are read with the same weights. The paper's is 5; time goes by the number of segments.

    Raises:
        ValueError: if a value is out of its range.
    """

    rule: str = "rms"
    learning_rate: float | None = None
    decay: float = 0.01
    epsilon: float = 3e-4
    segment: int = 20

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"a dynamic evaluation's rule must be one of {', '.join(RULES)}, but got {self.rule!r}.")
        checked = {
            "decay": real("decay", self.decay, least=0, most=1, of=_OF),
            "epsilon": real("epsilon", self.epsilon, above=0, of=_OF),
            "segment": whole("segment", self.segment, least=1, of=_OF),
        }
        if self.learning_rate is not None:
            checked["learning_rate"] = real("learning_rate", self.learning_rate, least=0, of=_OF)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def rate(self) -> float:
        """The learning rate in force."""
        return RULES[self.rule] if self.learning_rate is None else self.learning_rate
