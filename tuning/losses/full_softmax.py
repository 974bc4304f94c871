"""The softmax over the whole vocabulary, computed in slices of tokens so that memory stays flat."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["LOGITS_PER_SLICE", "full_softmax_loss", "map_slices", "target_logits_and_ranks"]

# 64 MB of float32: 420 tokens of WikiText-2's vocabulary at once, all tokens of a batch where the vocabulary is small.
LOGITS_PER_SLICE = 2**24


def full_softmax_loss(
    hidden: tf.Tensor,
    embedding: tf.Tensor | tf.Variable,
    bias: tf.Tensor | tf.Variable,
    targets: tf.Tensor,
    weights: tf.Tensor,
    logits_per_slice: int = LOGITS_PER_SLICE,
    first_tokens: tf.Tensor | None = None,
) -> tf.Tensor:
    """Total negative log likelihood of the targets under the softmax over all words.

    The logits of a slice of tokens turn into its share of the gradients at once and are dropped, so that no more than
    `logits_per_slice` of them exist at a time and none is computed twice.

    Args:
        hidden: (tokens, embedding) what the softmax reads.
        embedding, bias: (V, embedding) and (V,) its weights.
        targets: (tokens,) integer ids of the words that came.
        weights: (tokens,) what each token counts, 0 for padding.
        logits_per_slice: how many logits may exist at a time.
        first_tokens: () how many tokens count, the first ones: slices of others alone cost nothing; None, all of them.

    >>> hidden, embedding = tf.zeros((6, 4)), tf.zeros((10, 4))
    >>> loss = full_softmax_loss(hidden, embedding, tf.zeros(10), tf.range(6), tf.ones(6))
    >>> round(float(loss) / 6, 4)   # log 10: each of ten words is as likely as the other
    2.3026
    """
    hidden = tf.cast(hidden, tf.float32)
    target_logits = tf.reduce_sum(hidden * tf.gather(embedding, targets), axis=-1) + tf.gather(bias, targets)
    embedding, bias = tf.convert_to_tensor(embedding), tf.convert_to_tensor(bias)
    log_partitions = _log_partitions(hidden, embedding, bias, weights, logits_per_slice, first_tokens)
    return log_partitions - tf.reduce_sum(weights * target_logits)


def target_logits_and_ranks(logits: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of logits (tokens, V), those of the targets (tokens,), and how many words lie before each, lower ids first."""
    ids = tf.range(tf.shape(logits)[1], dtype=targets.dtype)
    chosen = tf.gather(logits, targets, batch_dims=1)[:, tf.newaxis]
    likelier = (logits > chosen) | ((logits == chosen) & (ids < targets[:, tf.newaxis]))
    return chosen[:, 0], tf.math.count_nonzero(likelier, axis=-1, dtype=tf.int32)


def map_slices(
    measure: Callable[..., Any],
    operands: Sequence[tf.Tensor],
    dtypes: Sequence[tf.DType],
    vocabulary_size: int,
    logits_per_slice: int = LOGITS_PER_SLICE,
) -> tuple[tf.Tensor, ...]:
    """What a function of logits measures about each token, computed slice by slice.

    Args:
        measure: from the operands of some tokens to as many results as there are `dtypes`, (tokens of the slice, ...).
        operands: (tokens, ...) each.
        dtypes: of the results.
        vocabulary_size: V; a slice has as many tokens as make `logits_per_slice` logits.

    >>> totals, = map_slices(lambda rows: [tf.reduce_sum(rows, -1)], [tf.ones((5, 3))], [tf.float32], 10, 20)
    >>> totals.numpy().tolist()
    [3.0, 3.0, 3.0, 3.0, 3.0]
    """
    tokens = _rows(operands[0])
    slices = _slices(tokens, vocabulary_size, logits_per_slice)
    if isinstance(slices, int) and slices == 1:
        return tuple(measure(*operands))
    per_slice = tf.map_fn(
        lambda parts: tuple(measure(*parts)),
        tuple(_sliced(operand, slices) for operand in operands),
        fn_output_signature=tuple(dtypes),
        parallel_iterations=1,
    )
    return tuple(tf.reshape(part, tf.concat([[-1], tf.shape(part)[2:]], 0))[:tokens] for part in per_slice)


def _log_partitions(
    hidden: tf.Tensor,
    embedding: tf.Tensor,
    bias: tf.Tensor,
    weights: tf.Tensor,
    logits_per_slice: int,
    first_tokens: tf.Tensor | None,
) -> tf.Tensor:
    """The sum of weights (tokens,) times log partition functions, its gradients ready before they are asked for."""
    tokens, features = _rows(hidden), hidden.shape[1]
    slices = _slices(tokens, bias.shape[0], logits_per_slice)

    @tf.custom_gradient
    def weighted_sum(
        hidden: tf.Tensor, embedding: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]]:
        hidden_slices, weight_slices = _sliced(hidden, slices), _sliced(weights, slices)

        def add_slice(
            index: tf.Tensor, total: tf.Tensor, d_hidden: tf.TensorArray, d_embedding: tf.Tensor, d_bias: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray, tf.Tensor, tf.Tensor]:
            rows, row_weights = hidden_slices[index], weight_slices[index][:, tf.newaxis]
            logits = tf.matmul(rows, embedding, transpose_b=True) + bias  # (tokens of the slice, V)
            log_partitions = tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
            d_logits = row_weights * tf.exp(logits - log_partitions)
            return (
                index + 1,
                total + tf.reduce_sum(row_weights * log_partitions),
                d_hidden.write(index, tf.matmul(d_logits, embedding)),
                d_embedding + tf.matmul(d_logits, rows, transpose_a=True),
                d_bias + tf.reduce_sum(d_logits, axis=0),
            )

        d_hidden = tf.TensorArray(tf.float32, size=slices, element_shape=(hidden_slices.shape[1], features))
        if first_tokens is not None:
            d_hidden = d_hidden.unstack(tf.zeros_like(hidden_slices))  # what stands in slices that are not needed
        totals = (tf.constant(0), tf.constant(0.0), d_hidden, tf.zeros_like(embedding), tf.zeros_like(bias))
        if isinstance(slices, int) and slices == 1 and first_tokens is None:
            totals = add_slice(*totals)
        else:
            needed = slices if first_tokens is None else -(-first_tokens // _rows(hidden_slices[0]))
            totals = tf.while_loop(
                lambda index, *_: index < needed, add_slice, totals, parallel_iterations=1, maximum_iterations=slices
            )
        _, total, d_hidden, d_embedding, d_bias = totals
        d_hidden = tf.reshape(d_hidden.stack(), (-1, features))[:tokens]
        return total, lambda upstream: (upstream * d_hidden, upstream * d_embedding, upstream * d_bias)

    return weighted_sum(hidden, embedding, bias)


def _rows(tensor: tf.Tensor) -> int | tf.Tensor:
    return tf.shape(tensor)[0] if tensor.shape[0] is None else tensor.shape[0]


def _slices(tokens: int | tf.Tensor, vocabulary_size: int, logits_per_slice: int) -> int | tf.Tensor:
    return -(-tokens // max(1, logits_per_slice // vocabulary_size))


def _sliced(tensor: tf.Tensor, slices: int | tf.Tensor) -> tf.Tensor:
    """(tokens, ...) as (slices, tokens of a slice, ...), padded with zeros where tokens do not divide evenly."""
    tokens = _rows(tensor)
    rows = -(-tokens // slices)
    padding = [[0, slices * rows - tokens], *[[0, 0]] * (tensor.shape.rank - 1)]
    return tf.reshape(tf.pad(tensor, padding), (slices, rows, *tensor.shape[1:]))
