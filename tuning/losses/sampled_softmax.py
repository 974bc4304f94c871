"""The softmax over a sample of a large vocabulary: what it costs no longer grows with the number of words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["LogUniformSampler", "sampled_softmax_loss"]

HIDDEN = -1e30  # a logit whose exponential is 0 but whose gradient is a number, as that of minus infinity is not


@dataclass(frozen=True)
class LogUniformSampler:
    """Draws word ids with log-uniform (Zipfian) odds and knows exactly how often each is expected.

    Ids must be sorted by falling frequency, as those of `Vocabulary` are: id `k` has odds `log((k + 2) / (k + 1))`.
    Drawn with replacement, the first ids would come back hundreds of times in one sample, so the `always` most frequent
    words are simply always in it, as many as would be expected at least once; the others are drawn with replacement
    from `samples - always` strata of equal odds, which leaves next to no doubles and less noise than independent draws.

    Args:
        vocabulary_size: number of words V.
        samples: number of ids S in a draw, from 1 to V - 1.

    >>> sampler = LogUniformSampler(vocabulary_size=33278, samples=4096)
    >>> sampler.draw(seed=tf.constant([0, 1])).shape
    TensorShape([4096])
    >>> sampler.always
    885
    """

    vocabulary_size: int
    samples: int

    def __post_init__(self) -> None:
        if not 1 <= self.samples < self.vocabulary_size:
            raise ValueError(
                "samples must lie between 1 and the vocabulary's size less 1 (take the full softmax otherwise), "
                f"but got samples={self.samples} and vocabulary_size={self.vocabulary_size}."
            )

    @cached_property
    def always(self) -> int:
        """How many of the most frequent words are in every draw."""
        counts = np.arange(self.samples)
        expected = (
            (self.samples - counts) * np.log1p(1 / (counts + 1)) / np.log((self.vocabulary_size + 1) / (counts + 1))
        )
        return int(np.argmax(expected <= 1))

    def draw(self, seed: tf.Tensor) -> tf.Tensor:
        """The ids (S,) of the draw that belongs to `seed`, an integer tensor of shape (2,).

        Equal seeds give equal draws, but XLA's random numbers are others than TensorFlow's.
        """
        strata = self.samples - self.always
        # float64: in float32 a distribution function over 100,000 words misses the borders between rare words.
        jitter = tf.cast(tf.random.stateless_uniform((strata,), seed), tf.float64)
        quantiles = (tf.range(strata, dtype=tf.float64) + jitter) / strata
        rare = tf.cast((self.always + 1) * tf.exp(quantiles * self._span), tf.int32) - 1
        rare = tf.clip_by_value(rare, self.always, self.vocabulary_size - 1)
        return tf.concat([tf.range(self.always), rare], axis=0)

    def log_expected_counts(self, ids: tf.Tensor) -> tf.Tensor:
        """The logarithm of how often each of `ids` is expected in a draw, at most 0; of the shape of `ids`."""
        ranks = tf.cast(ids, tf.float64)
        expected = (self.samples - self.always) * tf.math.log1p(1 / (ranks + 1)) / self._span
        return tf.where(ids < self.always, 0.0, tf.cast(tf.math.log(expected), tf.float32))

    @property
    def _span(self) -> float:
        """The odds of all words that are drawn, in units of `log((k + 2) / (k + 1))`."""
        return float(np.log((self.vocabulary_size + 1) / (self.always + 1)))


def sampled_softmax_loss(
    hidden: tf.Tensor,
    embedding: tf.Tensor | tf.Variable,
    bias: tf.Tensor | tf.Variable,
    targets: tf.Tensor,
    weights: tf.Tensor,
    sampler: LogUniformSampler,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The loss to learn by, and an estimate of the total negative log likelihood that it stands for.

    The loss asks which word of target and sample is the target. With each logit less the logarithm of its word's
    expected count, the target's too, that is learnt where the full softmax is learnt: at the true probabilities its
    gradient is next to zero on average (Jean et al. 2015), though not for a handful of samples, whose strata are wide:
    learnt with 4 of 30 words, probabilities come out up to a tenth off. Its value says little, so the estimate puts the
    sample in the place of all words but the target: `exp(logit of the target) + sum over the sample of exp(logit) /
    expected count` estimates the partition function without bias. Being a logarithm of that, the estimate comes out a
    little low.

    Only the rows of targets and samples are read, and the gradients of embedding and bias are `tf.IndexedSlices` of
    those rows.

    Args:
        hidden: (tokens, embedding) what the softmax reads.
        embedding, bias: (V, embedding) and (V,) its weights; pass the variables for sparse gradients.
        targets: (tokens,) integer ids of the words that came.
        weights: (tokens,) what each token counts, 0 for padding.
        sampler: where the sample comes from; one serves all tokens.
        seed: (2,) integers; equal seeds give equal samples.
    """
    hidden = tf.cast(hidden, tf.float32)
    samples = sampler.draw(seed)
    target_logits = tf.reduce_sum(hidden * tf.gather(embedding, targets), axis=-1) + tf.gather(bias, targets)
    corrected = target_logits - sampler.log_expected_counts(targets)
    sampled_bias = tf.gather(bias, samples) - sampler.log_expected_counts(samples)
    log_others = _log_partition(hidden, tf.gather(embedding, samples), sampled_bias, samples, targets)
    loss = tf.math.softplus(log_others - corrected)  # logsumexp of both, less the target's
    estimate = tf.math.softplus(log_others - target_logits)
    return tf.reduce_sum(weights * loss), tf.stop_gradient(tf.reduce_sum(weights * estimate))


def _log_partition(
    hidden: tf.Tensor,  # (tokens, embedding)
    embedding: tf.Tensor,  # (samples, embedding)
    bias: tf.Tensor,  # (samples,)
    samples: tf.Tensor,  # (samples,)
    targets: tf.Tensor,  # (tokens,)
) -> tf.Tensor:
    """`log Σ exp(hidden @ embedding + bias)` over the samples that are not the target, (tokens,).

    The exponentials are the only array of (tokens, samples) that is kept, and nothing but products reads them again:
    the factors of the gradient go to the vectors instead.
    """

    @tf.custom_gradient
    def run(hidden: tf.Tensor, embedding: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
        products = tf.matmul(hidden, embedding, transpose_b=True)
        fused = not tf.executing_eagerly() and products.shape.is_fully_defined()
        exponentials, sums, log_partition = _fused_exponentials(fused)(products, bias, samples, targets)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            factors = (upstream / sums)[:, tf.newaxis]
            d_hidden = factors * tf.matmul(exponentials, embedding)
            # The few columns of hidden first: the product with the many samples as its rows takes a fifth longer.
            d_embedding = tf.transpose(tf.matmul(factors * hidden, exponentials, transpose_a=True))
            return d_hidden, d_embedding, tf.matmul(factors, exponentials, transpose_a=True)[0]

        return log_partition, gradient

    result: tf.Tensor = run(hidden, embedding, bias)
    return result


def _exponentials(
    products: tf.Tensor, bias: tf.Tensor, samples: tf.Tensor, targets: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The exponentials without those of the targets, less a factor per token, (tokens, samples), and their sums."""
    logits = products + bias
    logits = tf.where(targets[:, tf.newaxis] == tf.cast(samples, targets.dtype), HIDDEN, logits)
    largest = tf.reduce_max(logits, axis=1, keepdims=True)
    exponentials = tf.exp(logits - largest)
    sums = tf.reduce_sum(exponentials, axis=1)
    return exponentials, sums, tf.math.log(sums) + largest[:, 0]


def _fused_exponentials(fused: bool) -> Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """As one pass over memory by XLA, or as it stands; the products around it are faster outside of XLA."""
    return tf.function(_exponentials, jit_compile=True, autograph=False) if fused else _exponentials
