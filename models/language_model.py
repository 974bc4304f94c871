"""A language model: words in, the probability of the next word out."""

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from rnnzoo.models.adaptive_embedding import AdaptiveEmbedding
from rnnzoo.models.answers import Suggestion, TextScore
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.arguments import is_integer
from rnnzoo.models.cached_words import CacheOperands
from rnnzoo.models.neural_cache import NeuralCache
from rnnzoo.models.preset_files import read_preset, write_preset
from rnnzoo.models.presets import PRESETS, Preset
from rnnzoo.models.questions import QUESTIONS
from rnnzoo.models.sampler import Sampler, check_max_words, wrapped_seed
from rnnzoo.models.softmaxes import AdaptiveSoftmax, Softmax, TiedSoftmax
from rnnzoo.models.stacks import recurrent_layers
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.models.word_vectors import WordVectors

__all__ = ["LanguageModel"]


@keras.saving.register_keras_serializable("rnnzoo")
class LanguageModel(keras.Model):
    """Embedding, a stack of recurrent layers, and a softmax tied to the embedding: over all words, or adaptive.

    Every text starts after an `<eos>`. As a Keras model it maps token ids (batch, time) to logits (batch, time, V).

    Args:
        vocabulary: the words it knows, V of them.
        config: the network and its sizes.

    Raises:
        ValueError: if one of them is something else.

    Example:
        >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not", "to", "be"]])
        >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
        >>> model(tf.constant([[2, 3, 4]])).shape
        TensorShape([1, 3, 6])
        >>> suggestions, = model.predict_next("to be", top_k=2)
        >>> len(suggestions)
        2
    """

    presets: ClassVar[Mapping[str, Preset]] = PRESETS
    """The trained models that come with the package, by name."""

    def __init__(self, vocabulary: Vocabulary, config: NetworkConfig, **kwargs: Any) -> None:
        if not isinstance(vocabulary, Vocabulary) or not isinstance(config, NetworkConfig):
            got = f"{type(vocabulary).__name__} and {type(config).__name__}"
            raise ValueError(f"a language model is made of a Vocabulary and a NetworkConfig, but got {got}.")
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.config = config
        self.embedding = self._make_embedding()
        self.recurrent_layers = recurrent_layers(config, dtype=self.dtype_policy)
        self.dropouts = [
            keras.layers.Dropout(config.dropout, dtype=self.dtype_policy) for _ in range(config.layers + 1)
        ]
        sizes = (config.embedding_size, *config.layer_units)
        for layer, size in zip(self.recurrent_layers, sizes, strict=False):
            layer.build((None, None, size))
        self.softmax = self._make_softmax()
        self.supports_masking = True
        self.built = True

    @property
    def named_weights(self) -> dict[str, keras.Variable]:
        """Every weight by a name that is the same in each model of its make, such as "layer_0/kernel".

        Keras's own paths count the models and layers of a process.
        """
        homes = {"embedding": self.embedding} | {f"layer_{n}": layer for n, layer in enumerate(self.recurrent_layers)}
        named = {f"{home}/{weight.name}": weight for home, part in homes.items() for weight in part.weights}
        inside = {id(weight) for weight in named.values()}
        return named | {f"softmax/{weight.name}": weight for weight in self.weights if id(weight) not in inside}

    @property
    def state_specs(self) -> list[tuple[str, int]]:
        """A name and a size for each state, in the order of `initial_states`."""
        return [
            (f"layer_{level}_state_{index}", size)
            for level, layer in enumerate(self.recurrent_layers)
            for index, size in enumerate(layer.state_size)
        ]

    def initial_states(self, batch_size: int | tf.Tensor) -> list[tf.Tensor]:
        """The states before the first word, each (batch, size)."""
        return [state for layer in self.recurrent_layers for state in layer.get_initial_state(batch_size)]

    def encode(
        self,
        token_ids: tf.Tensor,  # (batch, time)
        states: Sequence[tf.Tensor] | None = None,
        training: bool = False,
        mask: tf.Tensor | None = None,  # (batch, time)
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """What the softmax reads, (batch, time, embedding), and the states after the last unmasked word."""
        return self.encode_embedded(self.embedding(token_ids, training=training), states, training, mask)

    def encode_embedded(
        self,
        embedded: tf.Tensor,  # (batch, time, embedding)
        states: Sequence[tf.Tensor] | None = None,
        training: bool = False,
        mask: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """`encode` on word vectors: the part without lookups, which XLA compiles well."""
        remaining = self._checked(self.initial_states(tf.shape(embedded)[0]) if states is None else states)
        hidden = self.dropouts[0](embedded, training=training)
        new_states: list[tf.Tensor] = []
        for layer, dropout in zip(self.recurrent_layers, self.dropouts[1:], strict=True):
            layer_states, remaining = self._split_states(layer, remaining)
            hidden, *after = layer(hidden, initial_state=layer_states, mask=mask, training=training)
            hidden = dropout(hidden, training=training)
            new_states.extend(after)
        return hidden, new_states

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """(…, embedding) → (…, V)."""
        return self.softmax.logits(hidden)

    def call(self, token_ids: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None) -> tf.Tensor:
        hidden, _ = self.encode(token_ids, training=training, mask=mask)
        return self.logits(hidden)

    def compute_output_shape(self, token_ids_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*token_ids_shape, len(self.vocabulary))

    def compute_output_spec(self, token_ids: keras.KerasTensor, *_: Any, **__: Any) -> keras.KerasTensor:
        """Logits are float32 under every policy."""
        return keras.KerasTensor(self.compute_output_shape(token_ids.shape), dtype="float32")

    def step(self, token_ids: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """One word with the states in hand: constant cost per word.

        Args:
            token_ids: (batch,) integers.
            states: those of `initial_states`, or of the step before.

        Returns:
            The log probabilities of the next word, (batch, V), and the new states.

        Raises:
            ValueError: if there are more or fewer states.
        """
        logits, new_states = self.step_logits(token_ids, states)
        return tf.nn.log_softmax(logits), new_states

    def step_logits(self, token_ids: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """`step`, but logits (batch, V) for log probabilities."""
        hidden, new_states = self.step_hidden(token_ids, states)
        return self.logits(hidden), new_states

    def step_hidden(self, token_ids: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """`step`, but what the softmax reads, (batch, embedding), for log probabilities."""
        hidden = self.embedding(token_ids)
        remaining, new_states = self._checked(states), []
        for layer in self.recurrent_layers:
            layer_states, remaining = self._split_states(layer, remaining)
            hidden, after = layer.cell.step(hidden, layer_states)
            new_states.extend(after)
        return hidden, new_states

    def predict_next(
        self, texts: str | Sequence[str], top_k: int = 5, cache: NeuralCache | None = None
    ) -> list[list[Suggestion]]:
        """The likeliest next words of each text, likeliest first. `<unk>` is never suggested.

        Args:
            texts: one text or several; an empty one asks for the first word.
            top_k: how many words; 5, about what a keyboard has room for.
            cache: makes the words of the text itself likelier to come again; None, no cache.

        Returns:
            For each text `top_k` suggestions.

        Raises:
            ValueError: if `top_k` is not from 1 to the number of known words, or there is no text.
        """
        known = len(self.vocabulary) - 1
        if not is_integer(top_k) or not 1 <= top_k <= known:
            raise ValueError(f"top_k must be an integer from 1 to {known}, the known words, but got {top_k=}.")
        token_ids, lengths = self._pad([self.vocabulary.encode(text) for text in _as_list(texts)])
        log_probabilities, words = self._ask("suggest", token_ids, lengths, tf.constant(int(top_k)), cache=cache)
        return [
            [
                Suggestion(self.vocabulary.words[word], float(np.exp(log_probability)))
                for log_probability, word in zip(*row, strict=True)
            ]
            for row in zip(log_probabilities.numpy(), words.numpy(), strict=True)
        ]

    def score(self, texts: str | Sequence[str], cache: NeuralCache | None = None) -> list[TextScore]:
        """How likely each text is, word by word.

        Args:
            texts: one text or several.
            cache: of the words before each one in its text; None, no cache.

        Returns:
            A score for each text.

        Raises:
            ValueError: if there is no text.
        """
        texts = _as_list(texts)
        encoded = [self.vocabulary.encode(text) for text in texts]
        token_ids, lengths = self._pad(encoded)
        log_probabilities = self._ask("rate", token_ids, lengths, cache=cache).numpy()
        return [
            TextScore(tuple(self.vocabulary.split(text)), tuple(float(value) for value in row[: len(ids)]))
            for text, ids, row in zip(texts, encoded, log_probabilities, strict=True)
        ]

    def generate(
        self,
        texts: str | Sequence[str],
        max_words: int = 20,
        sampler: Sampler | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Continue each text by up to `max_words` words, ending at an `<eos>`; the continuations alone are returned.

        Args:
            texts: one text or several.
            max_words: the most words to add; 20, about a sentence.
            sampler: how to draw; the default draws from the network's own distribution.
            seed: an integer for equal continuations every time; text `r` of several is drawn with `seed + r`, and alone
                or beside others comes out the same. None draws one, as `keras.utils.set_random_seed` lets it.

        Raises:
            ValueError: if `max_words` or `seed` is no such integer, or there is no text.
        """
        check_max_words(max_words)
        sampler = sampler or Sampler()
        seed = random.randrange(2**31) if seed is None else seed
        token_ids, lengths = self._pad([self.vocabulary.encode(text) for text in _as_list(texts)])
        rows = tf.shape(lengths)
        ids = self._ask(
            "continue_text",
            token_ids,
            lengths,
            tf.fill(rows, int(max_words)),
            tf.fill(rows, float(sampler.temperature)),
            tf.fill(rows, int(sampler.top_k)),
            tf.fill(rows, float(sampler.top_p)),
            tf.constant([wrapped_seed(seed, row) for row in range(len(lengths))], tf.int32),
        )
        end = self.vocabulary.end_id
        return [self.vocabulary.decode(row[: (row != end).cumprod().sum()]) for row in ids.numpy()]

    def export(self, filepath: str | Path, *options: Any, input_signature: Any = None, **named: Any) -> None:
        """Keras's `export`, of token ids to logits; `rnnzoo.serving.export_model` answers texts.

        Args:
            filepath: the folder of the SavedModel.
            options, named: further ones of `keras.Model.export`.
            input_signature: of token ids (batch, time), both sizes open, by default.
        """
        ids = keras.InputSpec(shape=(None, None), dtype="int32")  # which Keras knows of models alone that it has built
        super().export(filepath, *options, input_signature=input_signature or [ids], **named)

    def save_to_preset(self, folder: str | Path, packed: bool = False) -> None:
        """Write the model into a folder: config.json, tokenizer.json, metadata.json, and its weights.

        Args:
            folder: made if it is missing; a model in it is replaced.
            packed: write `model.weights.npz`, word vectors in 8 bits a number and all else in 16: a quarter of the
                size, to be shipped, of a perplexity that rounding changes by less than 0.5 %. The default is
                `model.weights.h5`, exact.
        """
        write_preset(self, Path(folder), packed)

    @classmethod
    def from_preset(cls, preset: str | os.PathLike[str]) -> Self:
        """Load a trained model: one that comes with the package, or one that `save_to_preset` wrote.

        Args:
            preset: a name, see `LanguageModel.presets`, or a folder.

        Raises:
            FileNotFoundError: if there is no such preset, or a file of it is missing.
            ValueError: if a file is damaged, or of a newer version of the package.

        Example:
            >>> model = LanguageModel.from_preset("lstm_large_wikitext2")
            >>> suggestions, = model.predict_next("the capital of the United")
            >>> suggestions[0].word
            'States'
        """
        return read_preset(cls, preset)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary.get_config(), "config": self.config.as_dict()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        config = dict(config)
        vocabulary = Vocabulary.from_config(config.pop("vocabulary"))
        return cls(vocabulary, NetworkConfig.from_dict(config.pop("config")), **config)

    def _make_embedding(self) -> keras.layers.Layer:
        words, size = len(self.vocabulary), self.config.embedding_size
        if self.config.softmax == "adaptive":
            cutoffs = self.config.cutoffs_for(words)
            return AdaptiveEmbedding(words, size, cutoffs, self.config.word_division, dtype=self.dtype_policy)
        initializer = keras.initializers.RandomUniform(-0.1, 0.1)
        embedding = WordVectors(words, size, embeddings_initializer=initializer, dtype=self.dtype_policy)
        embedding.build()
        return embedding

    def _make_softmax(self) -> Softmax:
        if self.config.softmax == "adaptive":
            return AdaptiveSoftmax(self.embedding, dtype=self.dtype_policy)
        self.output_bias = self.add_weight(
            name="output_bias", shape=(len(self.vocabulary),), initializer="zeros", autocast=False
        )
        return TiedSoftmax(self.embedding, self.output_bias)

    def _checked(self, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        if len(states) != len(self.state_specs):
            names = ", ".join(name for name, _ in self.state_specs)
            raise ValueError(f"states must be {len(self.state_specs)} ({names}), but got {len(states)}.")
        return list(states)

    def _split_states(self, layer: Any, states: list[tf.Tensor]) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        count = len(layer.state_size)
        return states[:count], states[count:]

    def _pad(self, encoded: Sequence[Sequence[int]]) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows of ids, each begun with `<eos>`, as one rectangle (batch, time), and their lengths (batch,)."""
        if not encoded:
            raise ValueError("texts must hold at least one text, but got none.")
        lengths = np.array([1 + len(ids) for ids in encoded], np.int32)
        token_ids = np.full((len(encoded), lengths.max()), self.vocabulary.end_id, np.int32)
        for row, ids in zip(token_ids, encoded, strict=True):
            row[1 : 1 + len(ids)] = ids
        return tf.constant(token_ids), tf.constant(lengths)

    def _ask(self, question: str, *operands: Any, cache: NeuralCache | None = None) -> Any:
        """The answer of a question's graph, which serves every length, batch size and cache."""
        graphs = self.__dict__.setdefault("_graphs", {})
        numbers = () if cache is None else (CacheOperands.of(cache),)
        if (question, len(numbers)) not in graphs:
            ask, specs = QUESTIONS[question]
            specs += tf.nest.map_structure(tf.TensorSpec.from_tensor, numbers)
            # Called as a concrete function: a loop over the zoo would otherwise be warned about retracing.
            graphs[question, len(numbers)] = tf.function(partial(ask, self)).get_concrete_function(*specs)
        return graphs[question, len(numbers)](*operands, *numbers)


def _as_list(texts: str | Sequence[str]) -> list[str]:
    given = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, str | bytes) else [texts]
    for text in given:
        if not isinstance(text, str):
            raise ValueError(f"texts must be strings, but got {text!r}.")
    return given
