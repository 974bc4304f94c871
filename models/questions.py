"""The three questions to a language model, as graphs on token ids, for Python and for the exported model alike.

`token_ids` (batch, time) start with `<eos>` and are padded behind `lengths` (batch,), which are at least 1. No row
looks at another.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from rnnzoo.models.sampling import draw

if TYPE_CHECKING:
    from rnnzoo.models.language_model import LanguageModel

__all__ = ["QUESTIONS", "continue_text", "rate", "suggest"]


def suggest(
    model: "LanguageModel", token_ids: tf.Tensor, lengths: tf.Tensor, top_k: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The log probabilities and the ids of the likeliest next words, each (batch, top_k)."""
    logits, _ = _last_logits(model, token_ids, lengths)
    return tf.math.top_k(_without_unknown(model, tf.nn.log_softmax(logits)), top_k)


def rate(model: "LanguageModel", token_ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """The log probability of each word after the first, (batch, time - 1), 0 behind the end of a row."""
    # A target more than there is, so that even a batch without any word has a step to go.
    targets = tf.pad(token_ids[:, 1:], ((0, 0), (0, 1)))
    mask = tf.sequence_mask(lengths - 1, tf.shape(token_ids)[1])
    hidden, _ = model.encode(token_ids, mask=mask)

    def rate_word(hidden_and_target: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        hidden, target = hidden_and_target  # (batch, embedding), (batch,)
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=model.logits(hidden))

    # Word by word, so that a long text needs no (batch, time, V) of memory.
    scores = tf.map_fn(
        rate_word, (tf.transpose(hidden, (1, 0, 2)), tf.transpose(targets)), fn_output_signature=tf.float32
    )
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

    def body(index: tf.Tensor, words: tf.TensorArray, ended: tf.Tensor, logits: Any, states: Any) -> Any:
        seeds = tf.stack([seed, tf.fill(tf.shape(seed), index)], axis=-1)
        word = tf.where(ended, end, draw(_without_unknown(model, logits), temperature, top_k, top_p, seeds))
        logits, states = model.step_logits(word, states)
        ended |= (word == end) | (index + 1 >= max_words)
        return index + 1, words.write(index, word), ended, logits, states

    _, words, *_ = tf.while_loop(
        lambda index, words, ended, *_: ~tf.reduce_all(ended),
        body,
        (
            tf.constant(0),
            tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=(None,)),
            max_words < 1,
            logits,
            states,
        ),
    )
    return tf.transpose(words.stack())


def _last_logits(model: "LanguageModel", token_ids: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The logits after the last word of each row, (batch, V), and the states there."""
    mask = tf.sequence_mask(lengths, tf.shape(token_ids)[1])
    hidden, states = model.encode(token_ids, mask=mask)
    return model.logits(tf.gather(hidden, lengths - 1, axis=1, batch_dims=1)), states


def _without_unknown(model: "LanguageModel", logits: tf.Tensor) -> tf.Tensor:
    forbidden = tf.range(len(model.vocabulary)) == model.vocabulary.unknown_id
    return tf.where(forbidden, logits.dtype.min, logits)


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
