"""The next word, drawn from its distribution as a `Sampler` says."""

import tensorflow as tf

__all__ = ["draw"]


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
    nucleus |= top_p[:, tf.newaxis] >= 1  # a rounded sum of many passes 1 before its end
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
