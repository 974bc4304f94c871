"""How the next word is drawn from its distribution: greedy, top-k, top-p and temperature."""

import math
from dataclasses import dataclass

import tensorflow as tf

__all__ = ["Sampler", "draw"]


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
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature must be at least 0 and finite, but got temperature={self.temperature}.")
        if not hasattr(self.top_k, "__index__") or self.top_k < 0:
            raise ValueError(f"top_k must be an integer of at least 0, but got top_k={self.top_k!r}.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, but got top_p={self.top_p}.")


def draw(
    logits: tf.Tensor,  # (batch, V)
    temperature: tf.Tensor,  # (batch,)
    top_k: tf.Tensor,  # (batch,)
    top_p: tf.Tensor,  # (batch,)
    seeds: tf.Tensor,  # (batch, 2) int32
) -> tf.Tensor:
    """One id for each row, (batch,) int32. Pure: equal seeds draw equal words, whatever rows stand beside.

    Example:
        >>> one = tf.ones(1)
        >>> draw(tf.constant([[0.0, 2.0, 1.0]]), 0 * one, tf.constant([0]), one, tf.constant([[1, 2]])).numpy().tolist()
        [1]
    """
    temperature = temperature[:, tf.newaxis]
    scaled = logits / tf.maximum(temperature, 1e-6)
    falling = tf.sort(scaled, axis=-1, direction="DESCENDING")
    words = tf.shape(logits)[-1]
    last = tf.where(top_k > 0, tf.minimum(top_k, words), words) - 1
    threshold = tf.gather(falling, last, batch_dims=1)[:, tf.newaxis]
    # The word that crosses top_p still belongs to the nucleus: count what comes strictly before it.
    probabilities = tf.nn.softmax(falling)
    nucleus = tf.cumsum(probabilities, axis=-1, exclusive=True) < top_p[:, tf.newaxis]
    smallest = tf.reduce_min(tf.where(nucleus, falling, logits.dtype.max), axis=-1, keepdims=True)
    allowed = tf.where(scaled >= tf.maximum(threshold, smallest), scaled, logits.dtype.min)
    # The largest of logits plus Gumbel noise is a draw from their softmax.
    uniform = tf.map_fn(
        lambda seed: tf.random.stateless_uniform((words,), seed, minval=1e-20, dtype=logits.dtype),
        seeds,
        fn_output_signature=logits.dtype,
    )
    noise = tf.where(temperature > 0, -tf.math.log(-tf.math.log(uniform)), 0.0)
    return tf.argmax(allowed + noise, axis=-1, output_type=tf.int32)
