"""What is asked of an exported model while somebody types, or listens: the context travels as states, not as text."""

import math
from collections.abc import Callable, Iterable, Sequence

import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.questions import draw_word, likeliest
from rnnzoo.models.vocabulary_graph import VocabularyGraph
from rnnzoo.serving.model_module import ModelModule

__all__ = ["HIDDEN", "SPEAKING", "ContinuingSignatures", "check_draw", "in_rows"]

HIDDEN = "hidden"
"""The name of what the softmax reads, which travels with the states."""

# What `speak` takes beside hidden and states, and what holds where a request leaves it out.
SPEAKING: dict[str, int | float] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0, "index": 0}


class ContinuingSignatures(ModelModule):
    """The signatures `extend` and `speak`, of core TensorFlow operations only; no row looks at another.

    Both take a context as `hidden` and states and answer the next one by the same names. Left out, a text begins.

    Args:
        model: the network, its vocabulary with it.
        vocabulary: the graph of that vocabulary.
        top_k: how many words `extend` answers.
    """

    def __init__(self, model: LanguageModel, vocabulary: VocabularyGraph, top_k: int) -> None:
        super().__init__("continuing", model)
        self._vocabulary = vocabulary
        self._top_k = top_k
        self._names = [HIDDEN, *(name for name, _ in model.state_specs)]
        # Every text begins after an <eos>.
        hidden, states = model.encode(tf.constant([[model.vocabulary.end_id]]))
        self._beginning = tuple(tf.constant(value.numpy()) for value in (hidden[:, -1], *states))
        self._sizes = [value.shape[1] for value in self._beginning]

    def functions(self) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
        """A traceable function for each signature, by name; the arguments with defaults may be left out of requests."""
        context = tuple(
            tf.TensorSpec((None, value.shape[1]), value.dtype, name=name)
            for name, value in zip(self._names, self._beginning, strict=True)
        )
        text = tf.TensorSpec((None,), tf.string, name="text")
        unfinished = tf.TensorSpec((None,), tf.string, name="unfinished")
        nothing, begin = tf.constant([""]), self._beginning
        controls = tuple(tf.constant([value]) for value in SPEAKING.values())
        control_specs = tuple(
            tf.TensorSpec((None,), value.dtype, name=name) for name, value in zip(SPEAKING, controls, strict=True)
        )

        def extend(
            text: tf.Tensor, unfinished: tf.Tensor = nothing, context: tuple[tf.Tensor, ...] = begin
        ) -> dict[str, tf.Tensor]:
            return self.extend(text, unfinished, context)

        def speak(
            context: tuple[tf.Tensor, ...] = begin, controls: tuple[tf.Tensor, ...] = controls
        ) -> dict[str, tf.Tensor]:
            return self.speak(context, controls)

        return {
            "extend": tf.function(extend, input_signature=[text, unfinished, context], autograph=False),
            "speak": tf.function(speak, input_signature=[context, control_specs], autograph=False),
        }

    def extend(self, text: tf.Tensor, unfinished: tf.Tensor, context: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """What comes after a context, `text` and `unfinished`: `words` and `probabilities`, each (batch, top_k).

        The context that is answered is the one after `text`: `unfinished` may still change. Texts are split where a
        space could stand, never inside a word.
        """
        context = self._read(text, in_rows(context, self._sizes, tf.shape(text)[0]))
        hidden, *_ = self._read(tf.broadcast_to(unfinished, tf.shape(text)), context)
        log_probabilities, ids = likeliest(self._model, self._model.logits(hidden), tf.constant(self._top_k))
        words = {"words": self._vocabulary.words(ids), "probabilities": tf.exp(log_probabilities)}
        return {**words, **dict(zip(self._names, context, strict=True))}

    def speak(self, context: tuple[tf.Tensor, ...], controls: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Draws one word: `word` and, with the space in front of it where there is one, `text`; each (batch,).

        With `index` 0, 1, 2, … and the same controls, the words are those of `generate`.
        """
        rows = tf.shape(context[0])[0]
        temperature, top_k, top_p, seed, index = (tf.broadcast_to(control, (rows,)) for control in controls)
        hidden, *states = in_rows(context, self._sizes, rows)
        with tf.control_dependencies(check_draw(temperature, top_k, top_p)):
            word = draw_word(self._model, self._model.logits(hidden), temperature, top_k, top_p, seed, index)
        hidden, states = self._model.step_hidden(word, states)
        written = self._vocabulary.words(word)
        answer = {"word": written, "text": self._vocabulary.joined(written)}
        return {**answer, **dict(zip(self._names, (hidden, *states), strict=True))}

    def _read(self, text: tf.Tensor, context: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        """The context after a text (batch,), which may be empty."""
        hidden, *states = context
        ids = self._vocabulary.encode(text)
        lengths = tf.cast(ids.row_lengths(), tf.int32)
        # A column more than there is, so that even a batch without any word has a step to go.
        token_ids = tf.pad(ids.to_tensor(self._model.vocabulary.end_id), ((0, 0), (0, 1)))
        token_ids = token_ids[:, : tf.maximum(tf.reduce_max(lengths, axis=0), 1)]
        mask = tf.sequence_mask(lengths, tf.shape(token_ids)[1])
        sequence, states = self._model.encode(token_ids, states, mask=mask)
        last = tf.gather(sequence, tf.maximum(lengths - 1, 0), axis=1, batch_dims=1)
        return tf.where(lengths[:, tf.newaxis] > 0, last, hidden), *states


def in_rows(states: Sequence[tf.Tensor], sizes: Iterable[int], rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """States in so many rows; one of another width, which a feed of an input with a default may have, fails."""
    return tuple(
        tf.broadcast_to(tf.ensure_shape(state, (None, size)), (rows, size))
        for state, size in zip(states, sizes, strict=True)
    )


def check_draw(temperature: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor) -> list[tf.Operation]:
    """What fails in a graph unless words can be drawn so: out of an empty nucleus the first of all would come."""
    return [
        tf.debugging.assert_non_negative(temperature, "temperature must be at least 0 and finite."),
        tf.debugging.assert_less(temperature, math.inf, "temperature must be at least 0 and finite."),
        tf.debugging.assert_non_negative(top_k, "top_k must be at least 0."),
        tf.debugging.assert_positive(top_p, "top_p must be above 0."),
        tf.debugging.assert_less_equal(top_p, 1.0, "top_p must be at most 1."),
    ]
