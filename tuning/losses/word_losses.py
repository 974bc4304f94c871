"""Which loss a language model learns by: the full softmax, a sampled one, or, if its softmax is, the adaptive one."""

from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

from rnnzoo.models.softmaxes import AdaptiveSoftmax, TiedSoftmax
from rnnzoo.tuning.losses.adaptive_softmax import adaptive_softmax_loss
from rnnzoo.tuning.losses.full_softmax import full_softmax_loss
from rnnzoo.tuning.losses.sampled_softmax import LogUniformSampler, sampled_softmax_loss
from rnnzoo.tuning.training_config import LOSSES

__all__ = ["LARGE_VOCABULARY", "AdaptiveLoss", "FullSoftmax", "SampledSoftmax", "WordLoss", "word_loss"]

LARGE_VOCABULARY = 10_000  # the full softmax is then three quarters of the work of an LSTM 2 × 200


class WordLoss(Protocol):
    """What a batch is learnt by: the loss to differentiate, and the total negative log likelihood to report, in nats.

    The second is an estimate where the softmax is sampled, and the first elsewhere.
    """

    def __call__(
        self,
        softmax: Any,  # the language model's
        hidden: tf.Tensor,  # (tokens, embedding)
        targets: tf.Tensor,  # (tokens,)
        weights: tf.Tensor,  # (tokens,)
        seed: tf.Tensor,  # (2,)
    ) -> tuple[tf.Tensor, tf.Tensor]: ...


@dataclass(frozen=True)
class FullSoftmax:
    """The loss over all words; it draws nothing, so its seed is ignored."""

    def __call__(
        self,
        softmax: TiedSoftmax,
        hidden: tf.Tensor,
        targets: tf.Tensor,
        weights: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        loss = full_softmax_loss(hidden, *softmax.weights, targets, weights)
        return loss, loss


@dataclass(frozen=True)
class SampledSoftmax:
    """The loss over the target and a sample of the other words."""

    sampler: LogUniformSampler

    def __call__(
        self,
        softmax: TiedSoftmax,
        hidden: tf.Tensor,
        targets: tf.Tensor,
        weights: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return sampled_softmax_loss(hidden, *softmax.weights, targets, weights, self.sampler, seed)


@dataclass(frozen=True)
class AdaptiveLoss:
    """The loss over all words of an adaptive softmax; it draws nothing, so its seed is ignored."""

    def __call__(
        self,
        softmax: AdaptiveSoftmax,
        hidden: tf.Tensor,
        targets: tf.Tensor,
        weights: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        loss = adaptive_softmax_loss(softmax, hidden, targets, weights)
        return loss, loss


def word_loss(name: str, vocabulary_size: int, samples: int, softmax: str = "tied") -> WordLoss:
    """The loss called `name`: "full", "sampled" (with so many `samples`), or "auto".

    "auto" samples where the vocabulary has more than 10,000 words and more than `samples`, and is full elsewhere. A
    network whose `softmax` is "adaptive" has one loss, which is over all words: there "auto" and "full" are the same.

    >>> word_loss("auto", vocabulary_size=33278, samples=4096)
    SampledSoftmax(sampler=LogUniformSampler(vocabulary_size=33278, samples=4096))
    >>> word_loss("auto", vocabulary_size=10000, samples=4096)
    FullSoftmax()
    >>> word_loss("auto", vocabulary_size=33278, samples=4096, softmax="adaptive")
    AdaptiveLoss()
    """
    if name not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, but got {name!r}.")
    if softmax == "adaptive":
        if name == "sampled":
            raise ValueError(f"loss='sampled' needs softmax='tied', but got {softmax=}.")
        return AdaptiveLoss()
    large = vocabulary_size > max(LARGE_VOCABULARY, samples)
    if name == "sampled" or (name == "auto" and large):
        return SampledSoftmax(LogUniformSampler(vocabulary_size, samples))
    return FullSoftmax()
