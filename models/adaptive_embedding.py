"""Word vectors that are the shorter the rarer the word."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.arguments import whole
from rnnzoo.models.cutoffs import check_cutoffs
from rnnzoo.models.word_vectors import look_up

__all__ = ["AdaptiveEmbedding"]

SCALE = 0.1  # word vectors begin evenly spread from -0.1 to 0.1, as those of a tied softmax do


@keras.saving.register_keras_serializable("rnnzoo")
class AdaptiveEmbedding(keras.layers.Layer):
    """Adaptive input representations (Baevski & Auli 2019): frequent words first, each part of them shorter vectors.

    The words up to the first cutoff have vectors of the full size. Those of the part after it have `size / division`
    numbers each, of the next one `size / division²`, and so on, at least one; a matrix for each part maps them to the
    full size. A rare word, met too seldom to learn many numbers, gets few.

    Weights, where part `i` of the parts after the first has `n_i` words and vectors of `k_i` numbers:

    - `head` (first cutoff, size);
    - `rows` (n_i, k_i) and `projections` (size, k_i), one of each for every part `i`.

    Args:
        vocabulary_size: number of words V, their ids sorted by falling frequency.
        size: of the vectors that come out.
        cutoffs: the ids that the second part begins with, the third, and so on.
        division: what the size of the vectors is divided by from part to part.

    Raises:
        ValueError: if the cutoffs do not rise from at least 1 to below V, or the division is no positive integer.

    Example:
        >>> embedding = AdaptiveEmbedding(vocabulary_size=10, size=8, cutoffs=[2, 5])
        >>> embedding(tf.constant([[0, 4, 9]])).shape
        TensorShape([1, 3, 8])
        >>> [tuple(weight.shape) for weight in (embedding.head, *embedding.rows)]
        [(2, 8), (3, 2), (5, 1)]
    """

    def __init__(
        self, vocabulary_size: int, size: int, cutoffs: Sequence[int], division: int = 4, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.vocabulary_size = vocabulary_size
        self.size = size
        self.cutoffs = check_cutoffs(cutoffs, vocabulary_size)
        self.division = whole("division", division, least=1)
        even = keras.initializers.RandomUniform(-SCALE, SCALE)
        self.head = self._add("head", (self.cutoffs[0], size), even)
        self.rows: list[keras.Variable] = []
        self.projections: list[keras.Variable] = []
        for part, (first, end) in enumerate(self.parts, start=1):
            short = max(1, size // self.division**part)
            # Vectors of the full size come out as large as those of the head.
            scaled = keras.initializers.RandomNormal(stddev=short**-0.5)
            self.rows.append(self._add(f"rows_{part}", (end - first, short), even))
            self.projections.append(self._add(f"projection_{part}", (size, short), scaled))
        self.built = True

    def _add(self, name: str, shape: tuple[int, int], initializer: Any) -> keras.Variable:
        # Not cast as a whole: what is looked up is.
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The first id of each part after the first one, and the id behind its last."""
        return list(pairwise((*self.cutoffs, self.vocabulary_size)))

    def call(self, token_ids: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(…) → (…, size)."""
        # Every part is asked for every word, and only one answer is kept: shapes stay static, as XLA needs them. Ids
        # that no word has are left as they are at both ends, for the lookup to refuse.
        token_ids = tf.cast(token_ids, tf.int32)
        vectors = self._look_up(self.head, tf.minimum(token_ids, self.cutoffs[0] - 1), training)
        for (first, end), rows, projection in zip(self.parts, self.rows, self.projections, strict=True):
            places = tf.maximum(token_ids - first, 0)
            if end < self.vocabulary_size:
                places = tf.minimum(places, end - first - 1)
            short = self._look_up(rows, places, training)
            mapped = tf.tensordot(short, tf.cast(projection.value, self.compute_dtype), axes=[[-1], [-1]])
            vectors = tf.where((token_ids >= first)[..., tf.newaxis], mapped, vectors)
        return vectors

    def _look_up(self, table: keras.Variable, ids: tf.Tensor, training: bool | None) -> tf.Tensor:
        return tf.cast(look_up(table, ids, training), self.compute_dtype)

    def compute_output_shape(self, token_ids_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*token_ids_shape, self.size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "size": self.size,
            "cutoffs": list(self.cutoffs),
            "division": self.division,
        }
