"""The neural cache's arithmetic: words that came lately, after contexts like the present one, come again."""

from typing import NamedTuple, Self

import tensorflow as tf

from rnnzoo.models.neural_cache import NeuralCache

__all__ = ["CacheOperands", "CachedWords", "add_log_probabilities", "mix_logits", "position_weights"]

# b = batch, t = time, p = cached positions, f = features (what the softmax reads), V = words of the vocabulary;
# θ and λ are the sharpness and the share of a `NeuralCache`.

_EMPTY = -1  # the word of a position that nothing has been written to


class CacheOperands(NamedTuple):
    """The numbers of a `NeuralCache` as scalar tensors: one graph serves all caches."""

    size: tf.Tensor
    sharpness: tf.Tensor
    share: tf.Tensor

    @classmethod
    def of(cls, cache: NeuralCache) -> Self:
        return cls(tf.constant(cache.size), tf.constant(float(cache.sharpness)), tf.constant(float(cache.share)))


class CachedWords(NamedTuple):
    """The last words of each row of a batch; no row sees another's.

    Attributes:
        hidden: (b, p, f) the states that the words came after, oldest first.
        words: (b, p) their ids; -1 where there was none yet.

    >>> cache = CachedWords.empty(batch_size=1, size=2, features=1)
    >>> cache = cache.followed_by(tf.ones((1, 1, 1)), tf.constant([[7]]))
    >>> cache.words.numpy().tolist(), cache.last(2).words.numpy().tolist()
    ([[-1, -1, 7]], [[-1, 7]])
    """

    hidden: tf.Tensor
    words: tf.Tensor

    @classmethod
    def empty(cls, batch_size: int, size: int, features: int) -> "CachedWords":
        return cls(tf.zeros((batch_size, size, features)), tf.fill((batch_size, size), _EMPTY))

    def followed_by(self, hidden: tf.Tensor, next_words: tf.Tensor) -> "CachedWords":
        """With the states of a window, (b, t, f), and the word that came after each, (b, t), behind these."""
        hidden = tf.concat([self.hidden, tf.cast(hidden, tf.float32)], axis=1)
        return CachedWords(hidden, tf.concat([self.words, next_words], axis=1))

    def last(self, size: int) -> "CachedWords":
        """Without all but the last `size` positions."""
        return CachedWords(self.hidden[:, -size:], self.words[:, -size:])

    def similarities(self, window: int) -> tuple[tf.Tensor, tf.Tensor]:
        """`h_t·h_i` for the last `window` positions `t`, (b, window, p), and which `i` each of them may look at.

        Of this cache, whose size is then `p - window`: each position looks at so many words before it, and at none
        that it has yet to predict. However a text is cut into windows, they look at the same.
        """
        positions = self.words.shape[1]
        size = positions - window
        place, query = tf.range(positions), tf.range(window)[:, tf.newaxis]
        allowed = (place >= query) & (place < query + size) & (self.words != _EMPTY)[:, tf.newaxis]
        return tf.matmul(self.hidden[:, size:], self.hidden, transpose_b=True), allowed


def position_weights(similarities: tf.Tensor, allowed: tf.Tensor, sharpness: float | tf.Tensor) -> tf.Tensor:
    """The share of each cached position in `p_cache`, (…, p): 1 in sum, or 0 where no position is allowed.

    Args:
        similarities: (…, p) `h_t·h_i`.
        allowed: (…, p) whether position `i` lies in the cache.
        sharpness: θ.

    >>> position_weights(tf.constant([[5.0, 0.0, 0.0]]), tf.constant([[False, True, True]]), 1.0).numpy().tolist()
    [[0.0, 0.5, 0.5]]
    """
    scores = tf.where(allowed, sharpness * similarities, similarities.dtype.min)
    weights = tf.where(allowed, tf.exp(scores - tf.reduce_max(scores, axis=-1, keepdims=True)), 0.0)
    return tf.math.divide_no_nan(weights, tf.reduce_sum(weights, axis=-1, keepdims=True))


def mix_logits(
    logits: tf.Tensor, log_partitions: tf.Tensor, weights: tf.Tensor, words: tf.Tensor, share: float | tf.Tensor
) -> tf.Tensor:
    """The logits of the mixture: with the same `log_partitions` as before taken off, log probabilities.

    A share of 0 gives the very same logits.

    Args:
        logits: (rows, V) the vocabulary's.
        log_partitions: (rows, 1) the logarithm of the sum of their exponentials.
        weights: (rows, p) from `position_weights`.
        words: (rows, p) the word at each position; -1 where its weight is 0.
        share: λ.

    Returns:
        (rows, V).

    >>> import math
    >>> logits = tf.zeros((1, 4))
    >>> mixed = mix_logits(logits, tf.fill((1, 1), math.log(4)), tf.constant([[0.5, 0.5]]), tf.constant([[2, 2]]), 0.2)
    >>> [round(float(probability), 6) for probability in tf.exp(mixed - math.log(4))[0]]
    [0.2, 0.2, 0.4, 0.2]
    """
    rows, vocabulary_size = tf.unstack(tf.shape(logits))
    slots = tf.range(rows)[:, tf.newaxis] * vocabulary_size + tf.maximum(words, 0)
    cached = tf.math.unsorted_segment_sum(tf.reshape(weights, (-1,)), tf.reshape(slots, (-1,)), rows * vocabulary_size)
    log_cached = log_partitions + tf.math.log(tf.reshape(cached, (rows, vocabulary_size)))
    return add_log_probabilities(logits, log_cached, tf.reduce_any(weights > 0, axis=-1, keepdims=True), share)


def add_log_probabilities(
    vocabulary: tf.Tensor, cache: tf.Tensor, is_filled: tf.Tensor, share: float | tf.Tensor
) -> tf.Tensor:
    """The logarithm of the mixture of two probabilities given by theirs.

    Args:
        vocabulary, cache: log probabilities, -inf where a word is not in the cache.
        is_filled: whether the cache holds anything; where not, the vocabulary has it all.
        share: λ.

    >>> never = tf.constant(float("-inf"))
    >>> [float(add_log_probabilities(tf.constant(-1.0), never, is_filled, share=1.0)) for is_filled in (False, True)]
    [-1.0, -inf]
    """
    share = tf.where(is_filled, tf.cast(share, tf.float32), 0.0)
    left, right = vocabulary + tf.math.log1p(-share), cache + tf.math.log(share)
    # Where both are -inf, their difference is no number.
    distance = tf.where(left == right, 0.0, tf.abs(left - right))
    return tf.maximum(left, right) + tf.math.log1p(tf.exp(-distance))
