"""The exact loss of an adaptive softmax, which computes the rarer words only where one of them came."""

import tensorflow as tf

from rnnzoo.models.softmaxes import AdaptiveSoftmax
from rnnzoo.tuning.losses.full_softmax import full_softmax_loss

__all__ = ["TOKENS_PER_SLICE", "adaptive_softmax_loss"]

# Of the 700 tokens of a batch some 95 and 60 belong to WikiText-2's two rarer parts: one or two slices each, with rows
# enough for a matrix product to be fast.
TOKENS_PER_SLICE = 64


def adaptive_softmax_loss(
    softmax: AdaptiveSoftmax,
    hidden: tf.Tensor,
    targets: tf.Tensor,
    weights: tf.Tensor,
    tokens_per_slice: int = TOKENS_PER_SLICE,
) -> tf.Tensor:
    """Total negative log likelihood of the targets: that of the head, and for a rarer word that within its part.

    The tokens of a part are lined up and computed in slices of equal size, as many slices as the tokens at hand need.
    All shapes are static, so XLA can compile it; and no number of tokens is too many for a part.

    Args:
        softmax: the language model's.
        hidden: (tokens, embedding) what the softmax reads.
        targets: (tokens,) integer ids of the words that came.
        weights: (tokens,) what each token counts, 0 for padding.
        tokens_per_slice: how many tokens of a rarer part are computed at a time.

    >>> from rnnzoo.models.adaptive_embedding import AdaptiveEmbedding
    >>> softmax = AdaptiveSoftmax(AdaptiveEmbedding(vocabulary_size=10, size=8, cutoffs=[2, 5]))
    >>> hidden, targets = tf.ones((4, 8)), tf.constant([0, 1, 4, 9])
    >>> exact = tf.gather(softmax.logits(hidden), targets, batch_dims=1)
    >>> loss = adaptive_softmax_loss(softmax, hidden, targets, weights=tf.ones(4))
    >>> bool(abs(loss + tf.reduce_sum(exact)) < 1e-4)
    True
    """
    hidden = tf.cast(hidden, tf.float32)
    parts = softmax.embedding.parts
    frequent = softmax.embedding.cutoffs[0]
    part = sum(tf.cast(targets >= first, targets.dtype) for first, _ in parts)  # 0 for the frequent words
    choices = tf.where(part == 0, targets, frequent - 1 + part)
    head = softmax.head
    loss = full_softmax_loss(hidden, head.vectors, head.bias, choices, weights)
    for index, ((first, end), tail) in enumerate(zip(parts, softmax.tails, strict=True), start=1):
        order, count = _members_first(part == index)
        is_member = tf.cast(tf.range(tf.size(order)) < count, tf.float32)
        loss += full_softmax_loss(
            tf.matmul(tf.gather(hidden, order), tail.projection),
            tail.vectors,
            tail.bias,
            tf.clip_by_value(tf.gather(targets, order) - first, 0, end - first - 1),  # the others' count for nothing
            tf.gather(weights, order) * is_member,
            logits_per_slice=tokens_per_slice * (end - first),
            first_tokens=count,
        )
    return loss


def _members_first(is_member: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Places (tokens,) that begin with those of all members, in their order, and how many members there are.

    >>> order, count = _members_first(tf.constant([False, True, False, True]))
    >>> order.numpy()[:int(count)].tolist()
    [1, 3]
    """
    # No sorting: compiled with XLA on a CPU, the whole training step would take more than twice as long.
    tokens = tf.size(is_member)
    counts = tf.cumsum(tf.cast(is_member, tf.int32))
    slots = tf.where(is_member, counts - 1, tokens)  # the others share a slot behind the last, which is cut off
    order = tf.tensor_scatter_nd_update(tf.zeros((tokens + 1,), tf.int32), slots[:, tf.newaxis], tf.range(tokens))
    return order[:-1], counts[-1]
