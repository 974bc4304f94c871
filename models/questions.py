"""The three questions to a language model, as graphs on token ids, for Python and for the exported model alike.

`token_ids` (batch, time) start with `<eos>` and are padded behind `lengths` (batch,), which are at least 1. No row
looks at another. With a neural cache, each word is predicted with a cache of the text's own words before it, and of the
states that they came after.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from rnnzoo.models.cached_words import CacheOperands, add_log_probabilities, mix_logits, position_weights
from rnnzoo.models.neural_cache import NeuralCache
from rnnzoo.models.sampler import LARGEST
from rnnzoo.models.sampling import draw
from rnnzoo.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnzoo.models.language_model import LanguageModel

_FIRST = Vocabulary.unknown_id + 1  # `<unk>` comes before all words, and is left out of every answer

__all__ = ["QUESTIONS", "continue_text", "draw_word", "likeliest", "rate", "suggest"]


def suggest(
    model: "LanguageModel",
    token_ids: tf.Tensor,
    lengths: tf.Tensor,
    top_k: tf.Tensor,
    cache: NeuralCache | CacheOperands | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The log probabilities and the ids of the likeliest next words, each (batch, top_k)."""
    if cache is None:
        logits, _ = _last_logits(model, token_ids, lengths)
        return likeliest(model, logits, top_k)
    hidden, _ = model.encode(token_ids, mask=tf.sequence_mask(lengths, tf.shape(token_ids)[1]))
    last = tf.gather(hidden, lengths - 1, axis=1, batch_dims=1)
    weights = _cache_weights(cache, last, hidden, lengths - 1)
    logits = model.logits(last)
    log_partitions = tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
    mixed = mix_logits(logits, log_partitions, weights, _next_words(token_ids), cache.share)
    return _top(mixed - log_partitions, top_k)


def likeliest(model: "LanguageModel", logits: tf.Tensor, top_k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The log probabilities and the ids of the likeliest words, each (batch, top_k), of logits (batch, V)."""
    return _top(tf.nn.log_softmax(logits), top_k)


def draw_word(
    model: "LanguageModel",
    logits: tf.Tensor,  # (batch, V)
    temperature: tf.Tensor,  # this and the following: (batch,)
    top_k: tf.Tensor,
    top_p: tf.Tensor,
    seed: tf.Tensor,
    index: tf.Tensor,
) -> tf.Tensor:
    """The id of word number `index` of each row's continuation, (batch,): drawn from the logits, never `<unk>`."""
    seed = tf.bitwise.bitwise_and(seed, LARGEST)  # as `seed % 2**31`, which Python sends
    seeds = tf.stack([seed, index], axis=-1)
    is_unknown = tf.range(len(model.vocabulary)) == Vocabulary.unknown_id
    return draw(tf.where(is_unknown, -math.inf, logits), temperature, top_k, top_p, seeds)


def rate(
    model: "LanguageModel", token_ids: tf.Tensor, lengths: tf.Tensor, cache: NeuralCache | CacheOperands | None = None
) -> tf.Tensor:
    """The log probability of each word after the first, (batch, time - 1), 0 behind the end of a row."""
    # A target more than there is, so that even a batch without any word has a step to go.
    targets = _next_words(token_ids)
    mask = tf.sequence_mask(lengths - 1, tf.shape(token_ids)[1])
    hidden, _ = model.encode(token_ids, mask=mask)

    def rate_word(operands: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        place, query, target = operands  # (), (batch, embedding), (batch,)
        score = -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=model.logits(query))
        if cache is None:
            return score
        weights = _cache_weights(cache, query, hidden, place[tf.newaxis])
        cached = tf.reduce_sum(tf.where(targets == target[:, tf.newaxis], weights, 0.0), axis=-1)
        return add_log_probabilities(score, tf.math.log(cached), place > 0, cache.share)

    # Word by word, so that a long text needs no (batch, time, V) of memory.
    operands = (tf.range(tf.shape(targets)[1]), tf.transpose(hidden, (1, 0, 2)), tf.transpose(targets))
    scores = tf.map_fn(rate_word, operands, fn_output_signature=tf.float32)
    return tf.where(mask, tf.transpose(scores), 0.0)[:, :-1]


def continue_text(
    model: "LanguageModel",
    token_ids: tf.Tensor,
    lengths: tf.Tensor,
    max_words: tf.Tensor,  # this and the following: (batch,), see `Sampler`
    temperature: tf.Tensor,
    top_k: tf.Tensor,
    top_p: tf.Tensor,
    seed: tf.Tensor,
) -> tf.Tensor:
    """The ids of the words that follow, (batch, longest); after a row's end, only `<eos>`."""
    logits, states = _last_logits(model, token_ids, lengths)
    end = model.vocabulary.end_id
    words = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=(None,))
    words = words.write(0, tf.fill(tf.shape(seed), end))  # for a batch without rows, which draws none to stack

    def body(index: tf.Tensor, words: tf.TensorArray, ended: tf.Tensor, logits: Any, states: Any) -> Any:
        word = draw_word(model, logits, temperature, top_k, top_p, seed, tf.fill(tf.shape(seed), index))
        word = tf.where(ended, end, word)
        logits, states = model.step_logits(word, states)
        ended |= (word == end) | (index + 1 >= max_words)
        return index + 1, words.write(index, word), ended, logits, states

    _, words, *_ = tf.while_loop(
        lambda index, words, ended, *_: ~tf.reduce_all(ended),
        body,
        (tf.constant(0), words, max_words < 1, logits, states),
    )
    return tf.transpose(words.stack())


def _next_words(token_ids: tf.Tensor) -> tf.Tensor:
    """The word that comes after each, (batch, time); 0 after the last."""
    return tf.pad(token_ids[:, 1:], ((0, 0), (0, 1)))


def _cache_weights(
    cache: NeuralCache | CacheOperands, query: tf.Tensor, hidden: tf.Tensor, place: tf.Tensor
) -> tf.Tensor:
    """The weights (batch, time) of a cache that holds the `cache.size` positions before a place of each text.

    Args:
        query: (batch, embedding) the hidden states at the places.
        hidden: (batch, time, embedding) those of the texts.
        place: (batch,) or (1,) the position of each query.
    """
    position, place = tf.range(tf.shape(hidden)[1]), place[:, tf.newaxis]
    similarities = tf.linalg.matvec(tf.cast(hidden, tf.float32), tf.cast(query, tf.float32))
    allowed = (position < place) & (position >= place - cache.size)
    return position_weights(similarities, tf.broadcast_to(allowed, tf.shape(similarities)), cache.sharpness)


def _last_logits(model: "LanguageModel", token_ids: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The logits after the last word of each row, (batch, V), and the states there."""
    mask = tf.sequence_mask(lengths, tf.shape(token_ids)[1])
    hidden, states = model.encode(token_ids, mask=mask)
    return model.logits(tf.gather(hidden, lengths - 1, axis=1, batch_dims=1)), states


def _top(log_probabilities: tf.Tensor, top_k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The largest of each row and the ids of their words, (batch, top_k), never `<unk>`."""
    largest, places = tf.math.top_k(log_probabilities[:, _FIRST:], top_k)
    return largest, places + _FIRST


def _per_row(name: str, dtype: tf.DType) -> tf.TensorSpec:
    return tf.TensorSpec((None,), dtype, name=name)


_CONTEXT = (tf.TensorSpec((None, None), tf.int32, name="token_ids"), _per_row("lengths", tf.int32))
_CONTROLS = (
    _per_row("max_words", tf.int32),
    _per_row("temperature", tf.float32),
    _per_row("top_k", tf.int32),
    _per_row("top_p", tf.float32),
    _per_row("seed", tf.int32),
)

QUESTIONS: Mapping[str, tuple[Callable[..., Any], tuple[tf.TensorSpec, ...]]] = {
    "suggest": (suggest, (*_CONTEXT, tf.TensorSpec((), tf.int32, name="top_k"))),
    "rate": (rate, _CONTEXT),
    "continue_text": (continue_text, (*_CONTEXT, *_CONTROLS)),
}
"""Each question and the shapes of what it is asked with, behind the model."""
