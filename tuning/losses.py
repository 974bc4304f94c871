"""Which loss a language model learns by: the full softmax, or a sampled one where the vocabulary is large."""

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from rnnzoo.tuning.full_softmax import full_softmax_loss
from rnnzoo.tuning.sampled_softmax import LogUniformSampler, sampled_softmax_loss
from rnnzoo.tuning.training_config import LOSSES

__all__ = ["LARGE_VOCABULARY", "FullSoftmax", "SampledSoftmax", "WordLoss", "word_loss"]

LARGE_VOCABULARY = 10_000  # the full softmax is then three quarters of the work of an LSTM 2 × 200


class WordLoss(Protocol):
    """What a batch is learnt by: the loss to differentiate, and the total negative log likelihood to report, in nats.

    The second is the first where the softmax is full, and an estimate where it is sampled.
    """

    def __call__(
        self,
        hidden: tf.Tensor,  # (tokens, embedding)
        embedding: tf.Variable,  # (V, embedding)
        bias: tf.Variable,  # (V,)
        targets: tf.Tensor,  # (tokens,)
        weights: tf.Tensor,  # (tokens,)
        seed: tf.Tensor,  # (2,)
    ) -> tuple[tf.Tensor, tf.Tensor]: ...


@dataclass(frozen=True)
class FullSoftmax:
    """The loss over all words; it draws nothing, so its seed is ignored."""

    def __call__(
        self,
        hidden: tf.Tensor,
        embedding: tf.Variable,
        bias: tf.Variable,
        targets: tf.Tensor,
        weights: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        loss = full_softmax_loss(hidden, embedding, bias, targets, weights)
        return loss, loss


@dataclass(frozen=True)
class SampledSoftmax:
    """The loss over the target and a sample of the other words."""

    sampler: LogUniformSampler

    def __call__(
        self,
        hidden: tf.Tensor,
        embedding: tf.Variable,
        bias: tf.Variable,
        targets: tf.Tensor,
        weights: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return sampled_softmax_loss(hidden, embedding, bias, targets, weights, self.sampler, seed)


def word_loss(name: str, vocabulary_size: int, samples: int) -> WordLoss:
    """The loss called `name`: "full", "sampled" (with so many `samples`), or "auto".

    "auto" samples where the vocabulary has more than 10,000 words and more than `samples`, and is full elsewhere.

    >>> word_loss("auto", vocabulary_size=33278, samples=4096)
    SampledSoftmax(sampler=LogUniformSampler(vocabulary_size=33278, samples=4096))
    >>> word_loss("auto", vocabulary_size=10000, samples=4096)
    FullSoftmax()
    """
    if name not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, but got {name!r}.")
    large = vocabulary_size > max(LARGE_VOCABULARY, samples)
    if name == "sampled" or (name == "auto" and large):
        return SampledSoftmax(LogUniformSampler(vocabulary_size, samples))
    return FullSoftmax()
