"""What an exported language model can be asked, as graphs from text to text."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.neural_cache import NeuralCache
from rnnzoo.models.questions import continue_text, rate, suggest
from rnnzoo.models.softmaxes import TiedSoftmax
from rnnzoo.models.vocabulary_graph import VocabularyGraph
from rnnzoo.serving.continuing import ContinuingSignatures, check_draw, in_rows
from rnnzoo.serving.model_module import ModelModule

__all__ = ["CONTROLS", "MOST_WORDS", "LanguageModelSignatures"]

_TEXT = tf.TensorSpec((None,), tf.string, name="text")
# What `generate` takes beside the text, and what holds where a request leaves it out.
CONTROLS: dict[str, int | float] = {"max_words": 20, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0}
MOST_WORDS = 10_000
"""The largest `max_words`: a run that nobody waits for any more cannot be ended, and holds up those behind it."""


class LanguageModelSignatures(ModelModule):
    """The signatures of a language model, of core TensorFlow operations only.

    All inputs and outputs have the batch as their first axis and no row looks at another, so that a server may put
    requests together, and pad, as it likes.

    Args:
        model: the network, its vocabulary with it.
        top_k: how many words `predict_next` answers. Fixed in the export: `text` is then its only input, which keeps
            requests as short as `{"instances": ["once upon a"]}`.
        neural_cache: if not None, `predict_next` and `score` mix each word's probability with a cache of the words that
            the request's text holds before it. `generate` and `step` are as without; `extend` and `speak` are missing,
            as states do not hold the words of a text.

    Raises:
        ValueError: if the vocabulary has no `top_k` words to suggest.
    """

    def __init__(self, model: LanguageModel, top_k: int, neural_cache: NeuralCache | None = None) -> None:
        super().__init__("language_model", model)
        known = len(model.vocabulary) - 1
        if not 1 <= top_k <= known:
            raise ValueError(f"top_k must be from 1 to {known}, the words of the vocabulary, but got {top_k=}.")
        self._top_k = top_k
        self._neural_cache = neural_cache
        self._vocabulary = VocabularyGraph(model.vocabulary)
        self._variables = [variable.value for variable in model.variables]
        if isinstance(model.softmax, TiedSoftmax):
            vectors, _ = model.softmax.weights
            self._columns = tf.Variable(tf.transpose(vectors), trainable=False, name="word_vectors_by_columns")
        self._continuing = None if neural_cache else ContinuingSignatures(model, self._vocabulary, top_k)

    def quick_softmax(self) -> AbstractContextManager[None]:
        """Functions that are traced meanwhile answer sooner, from a copy of the word vectors."""
        softmax = self._model.softmax
        return softmax.by_columns(self._columns) if isinstance(softmax, TiedSoftmax) else nullcontext()

    def functions(self) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
        """A traceable function for each signature, by name; the arguments with defaults may be left out of requests."""
        return {
            "predict_next": tf.function(self.predict_next, input_signature=[_TEXT], autograph=False),
            "score": tf.function(self.score, input_signature=[_TEXT], autograph=False),
            "generate": self._generate_function(),
            "step": self._step_function(),
            **({} if self._continuing is None else self._continuing.functions()),
        }

    def predict_next(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text (batch,) → `words` and `probabilities` of the likeliest next words, each (batch, top_k)."""
        log_probabilities, ids = suggest(self._model, *self._context(text), self._top_k, self._neural_cache)
        return {"words": self._vocabulary.words(ids), "probabilities": tf.exp(log_probabilities)}

    def score(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text (batch,) → its `words` and their `log_probabilities`, each (batch, longest), `lengths` and `total`.

        Behind a row's length the words are empty and the log probabilities 0.
        """
        words = self._vocabulary.split(text)
        log_probabilities = rate(self._model, *self._context(text), self._neural_cache)
        return {
            "words": words.to_tensor(""),
            "log_probabilities": log_probabilities,
            "lengths": tf.cast(words.row_lengths(), tf.int32),
            "total": tf.reduce_sum(log_probabilities, axis=1),
        }

    def generate(self, text: tf.Tensor, controls: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """text (batch,) and `CONTROLS` in their order, each (batch,), (1,) or () → the `continuation` of each text."""
        # First of all, so that a control for all texts may come as one number, whatever the specification says.
        controls = [tf.broadcast_to(control, tf.shape(text)) for control in controls]
        max_words, temperature, top_k, top_p, _ = controls
        checks = [
            tf.debugging.assert_positive(max_words, "max_words must be at least 1."),
            tf.debugging.assert_less_equal(max_words, MOST_WORDS, f"max_words must be at most {MOST_WORDS}."),
            *check_draw(temperature, top_k, top_p),
        ]
        with tf.control_dependencies(checks):
            token_ids, lengths = self._context(text)
        ids = continue_text(self._model, token_ids, lengths, *controls)
        unended = tf.math.cumprod(tf.cast(ids != self._model.vocabulary.end_id, tf.int32), axis=1) > 0
        ids = tf.ragged.boolean_mask(ids, unended)
        return {"continuation": self._vocabulary.decode(ids)}

    def step(self, token_ids: tf.Tensor, states: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """token_ids (batch,) and states, each (batch, size) → `log_probabilities` (batch, V) and the new states.

        The states go out by the names they come in by. Without states, a text begins: its first id is that of `<eos>`.
        """
        names, sizes = zip(*self._model.state_specs, strict=True)
        states = in_rows(states, sizes, tf.shape(token_ids)[0])
        log_probabilities, new_states = self._model.step(token_ids, states)
        return {"log_probabilities": log_probabilities, **dict(zip(names, new_states, strict=True))}

    def _generate_function(self) -> Callable[..., dict[str, tf.Tensor]]:
        # Defaults of one row each, as tensors: only tensors become defaults of a signature.
        defaults = tuple(tf.constant([value]) for value in CONTROLS.values())

        def generate(text: tf.Tensor, controls: tuple[tf.Tensor, ...] = defaults) -> dict[str, tf.Tensor]:
            return self.generate(text, controls)

        specs = tuple(
            tf.TensorSpec((None,), default.dtype, name=name) for name, default in zip(CONTROLS, defaults, strict=True)
        )
        return tf.function(generate, input_signature=[_TEXT, specs], autograph=False)

    def _step_function(self) -> Callable[..., dict[str, tf.Tensor]]:
        beginning = tuple(self._model.initial_states(1))

        def step(token_ids: tf.Tensor, states: tuple[tf.Tensor, ...] = beginning) -> dict[str, tf.Tensor]:
            return self.step(token_ids, states)

        specs = tuple(
            tf.TensorSpec((None, size), state.dtype, name=name)
            for (name, size), state in zip(self._model.state_specs, beginning, strict=True)
        )
        token_ids = tf.TensorSpec((None,), tf.int32, name="token_ids")
        return tf.function(step, input_signature=[token_ids, specs], autograph=False)

    def _context(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Token ids (batch, time), each row begun with `<eos>`, and their lengths (batch,)."""
        ids = self._vocabulary.encode(text)
        end = self._model.vocabulary.end_id
        token_ids = tf.pad(ids.to_tensor(end), ((0, 0), (1, 0)), constant_values=end)
        return token_ids, tf.cast(ids.row_lengths(), tf.int32) + 1
