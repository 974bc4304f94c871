"""How well a language model predicts a text it has not learnt."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.devices import compiles_with_xla
from rnnzoo.tuning.evaluation.watching import Watch
from rnnzoo.tuning.known_ids import check_ids
from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

__all__ = ["Evaluation", "evaluate", "likelihood_totals"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a language model makes of a text, over its whole vocabulary.

    Attributes:
        tokens: how many tokens were predicted, `<eos>` included.
        loss: their mean negative log likelihood, in nats.
        top1: the share of them that was the likeliest word.
        top5: the share of them that was among the five likeliest words.

    Example:
        >>> evaluation = Evaluation(tokens=1000, loss=math.log(32), top1=0.2, top5=0.4)
        >>> round(evaluation.perplexity, 3), round(evaluation.bits_per_word, 3)
        (32.0, 5.0)
    """

    tokens: int
    loss: float
    top1: float
    top5: float

    @classmethod
    def from_logs(cls, logs: Mapping[str, float], tokens: int) -> Self:
        """From what `TruncatedBackpropagation.evaluate` logs."""
        return cls(tokens=tokens, loss=logs["loss"], top1=logs["top1"], top5=logs["top5"])

    @classmethod
    def from_totals(cls, totals: npt.NDArray[np.float64], tokens: int) -> Self:
        """From the sum of what `likelihood_totals` says of all tokens."""
        loss, top1, top5 = (float(total) / tokens for total in totals)
        return cls(tokens=tokens, loss=loss, top1=top1, top5=top5)

    @property
    def perplexity(self) -> float:
        """`exp(loss)`: the model was as unsure as if it had chosen among so many words; infinite past 1e308."""
        return math.exp(self.loss) if self.loss < 709 or math.isnan(self.loss) else math.inf

    @property
    def bits_per_word(self) -> float:
        return self.loss / math.log(2)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "perplexity": self.perplexity, "bits_per_word": self.bits_per_word}


def likelihood_totals(log_likelihoods: tf.Tensor, ranks: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The nats, and how many words were the likeliest and among the five likeliest, (3,) in float64.

    Args:
        log_likelihoods: (tokens,) of the words that came.
        ranks: (tokens,) how many words were thought likelier.
        weights: (tokens,) what each token counts, 0 for padding.

    >>> totals = likelihood_totals(tf.constant([-1.0, -2.0]), tf.constant([0, 3]), tf.ones(2))
    >>> totals.numpy().tolist()
    [3.0, 1.0, 2.0]
    """
    measures = tf.stack([tf.cast(measure, tf.float64) for measure in (-log_likelihoods, ranks < 1, ranks < 5)])
    counted = tf.where(weights != 0, measures, 0)  # what is infinitely unlikely in padding is no number times 0
    return tf.linalg.matvec(counted, tf.cast(weights, tf.float64))


def evaluate(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    batch_size: int = 20,
    window: int = 35,
    jit_compile: bool | str = "auto",
    watch: Watch | None = None,
) -> Evaluation:
    """Predict each token of a text from all that stand before it in its row.

    The text is cut into `batch_size` rows that are read side by side, and the states are carried along each row: only
    a row's first words lack the words before them. The defaults are those of training, so that its figures compare.

    Args:
        model: what predicts.
        tokens: (tokens,) ids of the model's vocabulary, at least one window and one per row.
        batch_size: the number of rows; 1 gives every token all the words before it, and takes the longest.
        window: how many words of each row are read at once; it changes time and memory, not the result.
        jit_compile: whether XLA compiles the step; "auto" as in `TrainingConfig`.
        watch: told after each window how many are read.

    Raises:
        ValueError: if a size is not a positive integer, the text does not fill one window or one token per row, or it
            holds ids that the model does not know.
    """
    batches = ContiguousBatches(tokens, batch_size, window)
    check_ids(batches.tokens, len(model.vocabulary))
    scorer = TruncatedBackpropagation(model, batch_size, loss="full")
    scorer.compile(optimizer=None, jit_compile=compiles_with_xla(jit_compile))
    watchers = [] if watch is None else [_Watcher(watch, len(batches))]
    logs = scorer.evaluate(batches.dataset(), verbose=0, return_dict=True, callbacks=watchers)
    return Evaluation.from_logs(logs, len(tokens))


class _Watcher(keras.callbacks.Callback):
    def __init__(self, watch: Watch, steps: int) -> None:
        super().__init__()
        self.watch = watch
        self.steps = steps

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.watch(batch + 1, self.steps)
