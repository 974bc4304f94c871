"""The softmax over a sample of a large vocabulary: what it costs no longer grows with the number of words."""

from dataclasses import dataclass
from functools import cached_property

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

    Arguments:
        vocabulary_size: number of words V.
        samples: number of ids S in a draw, from 1 to V - 1.

    >>> sampler = LogUniformSampler(vocabulary_size=33278, samples=4096)
    >>> ids, log_expected_counts = sampler.draw(seed=tf.constant([0, 1]))
    >>> ids.shape, log_expected_counts.shape
    (TensorShape([4096]), TensorShape([4096]))
    >>> sampler.always
    885
    """

    vocabulary_size: int
    samples: int

    def __post_init__(self) -> None:
        if not 1 <= self.samples < self.vocabulary_size:
            raise ValueError(
                "samples must lie between 1 and the vocabulary's size less 1 (take the full softmax otherwise), "
                f"but got {self.samples=} and {self.vocabulary_size=}."
            )

    @cached_property
    def always(self) -> int:
        """How many of the most frequent words are in every draw."""
        counts = np.arange(self.samples)
        expected = (
            (self.samples - counts) * np.log1p(1 / (counts + 1)) / np.log((self.vocabulary_size + 1) / (counts + 1))
        )
        return int(np.argmax(expected <= 1))

    def draw(self, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The draw that belongs to `seed`, an integer tensor of shape (2,): ids (S,) and log expected counts (S,).

        Equal seeds give equal draws, but XLA's random numbers are others than TensorFlow's.
        """
        strata = self.samples - self.always
        span = np.log((self.vocabulary_size + 1) / (self.always + 1))
        # float64: in float32 a distribution function over 100,000 words misses the borders between rare words.
        jitter = tf.cast(tf.random.stateless_uniform((strata,), seed), tf.float64)
        quantiles = (tf.range(strata, dtype=tf.float64) + jitter) / strata
        rare = tf.cast((self.always + 1) * tf.exp(quantiles * span), tf.int32) - 1
        rare = tf.clip_by_value(rare, self.always, self.vocabulary_size - 1)
        ranks = tf.cast(rare, tf.float64)
        log_expected = tf.math.log(strata * tf.math.log1p(1 / (ranks + 1)) / span)
        ids = tf.concat([tf.range(self.always), rare], axis=0)
        return ids, tf.concat([tf.zeros((self.always,)), tf.cast(log_expected, tf.float32)], axis=0)


def sampled_softmax_loss(
    hidden: tf.Tensor,
    embedding: tf.Tensor | tf.Variable,
    bias: tf.Tensor | tf.Variable,
    targets: tf.Tensor,
    weights: tf.Tensor,
    sampler: LogUniformSampler,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Total negative log likelihood of the targets, its partition function estimated from one sample for the batch.

    The estimate `exp(logit of the target) + sum over the sample of exp(logit) / expected count`, targets left out of
    the sum, is unbiased. Its logarithm, and so the loss, comes out a little below the full softmax's. Only the rows of
    targets and samples are read, and the gradients of embedding and bias are `tf.IndexedSlices` of those rows.
    The weighting is importance sampling (Bengio and Senécal, 2003); the target, which was not drawn, is not corrected.

    Arguments:
        hidden: (tokens, embedding) what the softmax reads.
        embedding, bias: (V, embedding) and (V,) its weights; pass the variables for sparse gradients.
        targets: (tokens,) integer ids of the words that came.
        weights: (tokens,) what each token counts, 0 for padding.
        sampler: where the sample comes from.
        seed: (2,) integers; equal seeds give equal samples.
    """
    hidden = tf.cast(hidden, tf.float32)
    ids, log_expected_counts = sampler.draw(seed)
    target_logits = tf.reduce_sum(hidden * tf.gather(embedding, targets), axis=-1) + tf.gather(bias, targets)
    logits = tf.matmul(hidden, tf.gather(embedding, ids), transpose_b=True)  # (tokens, samples)
    logits += tf.gather(bias, ids) - log_expected_counts
    logits = tf.where(targets[:, tf.newaxis] == tf.cast(ids, targets.dtype), HIDDEN, logits)
    log_partition = tf.reduce_logsumexp(tf.concat([target_logits[:, tf.newaxis], logits], axis=1), axis=1)
    return tf.reduce_sum(weights * (log_partition - target_logits))
