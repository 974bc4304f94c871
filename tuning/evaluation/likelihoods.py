"""How likely a language model thought the words that came, and how many others likelier; for evaluation only."""

import tensorflow as tf

from rnnzoo.models.softmaxes import Softmax
from rnnzoo.tuning.losses.full_softmax import LOGITS_PER_SLICE, map_slices, target_logits_and_ranks

__all__ = ["likelihoods_and_ranks"]


def likelihoods_and_ranks(
    softmax: Softmax, hidden: tf.Tensor, targets: tf.Tensor, logits_per_slice: int = LOGITS_PER_SLICE
) -> tuple[tf.Tensor, tf.Tensor]:
    """Per token, the log probability of its target and how many words were thought likelier, whatever the softmax is.

    Args:
        softmax: the language model's.
        hidden: (tokens, embedding) what the softmax reads.
        targets: (tokens,) integer ids of the words that came.
        logits_per_slice: how many logits may exist at a time.

    Returns:
        float32 (tokens,) and int32 (tokens,). Among equally likely words the one with the lower id counts as the
        likelier, as in `tf.math.top_k`.

    >>> from rnnzoo.models.adaptive_embedding import AdaptiveEmbedding
    >>> from rnnzoo.models.softmaxes import AdaptiveSoftmax
    >>> softmax = AdaptiveSoftmax(AdaptiveEmbedding(vocabulary_size=10, size=8, cutoffs=[2, 5]))
    >>> likelihoods, ranks = likelihoods_and_ranks(softmax, tf.zeros((2, 8)), tf.constant([0, 9]))
    >>> tf.exp(-likelihoods).numpy().round(3).tolist(), ranks.numpy().tolist()
    ([4.0, 20.0], [0, 9])
    """

    def measure(hidden: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = softmax.logits(hidden)
        chosen, ranks = target_logits_and_ranks(logits, targets)
        return chosen - tf.reduce_logsumexp(logits, axis=-1), ranks

    operands = (tf.cast(hidden, tf.float32), targets)
    return map_slices(measure, operands, (tf.float32, tf.int32), softmax.vocabulary_size, logits_per_slice)
