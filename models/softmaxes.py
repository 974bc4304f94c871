"""From what the last layer says to how likely each word is: the two softmaxes that a language model can have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import keras
import tensorflow as tf

from rnnzoo.models.adaptive_embedding import SCALE, AdaptiveEmbedding

__all__ = ["AdaptiveSoftmax", "Softmax", "TiedSoftmax", "WordPart"]


class Softmax(Protocol):
    """What a language model's answers are made by."""

    @property
    def vocabulary_size(self) -> int:
        """V."""
        ...

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """(…, embedding) → (…, V), in float32: log probabilities, up to a number that all words share."""
        ...


class TiedSoftmax:
    """A softmax over all words whose weights are the word vectors (Press & Wolf 2017).

    Args:
        embedding: the word vectors, (V, embedding).
        bias: one number for each word, (V,).
    """

    def __init__(self, embedding: keras.layers.Embedding, bias: keras.Variable) -> None:
        self.embedding = embedding
        self.bias = bias
        self._columns: tf.Variable | None = None

    @property
    def vocabulary_size(self) -> int:
        return self.bias.shape[0]

    @contextmanager
    def by_columns(self, columns: tf.Variable) -> Iterator[None]:
        """Graphs that are traced meanwhile read `columns`, the word vectors transposed, (embedding, V).

        For models that are trained no more: it is a copy. A CPU multiplies a few rows by it in half the time.
        """
        self._columns = columns
        try:
            yield
        finally:
            self._columns = None

    @property
    def weights(self) -> tuple[tf.Variable, tf.Variable]:
        """(V, embedding) and (V,); TensorFlow's own variables, whose gradients can be sparse."""
        return self.embedding.embeddings.value, self.bias.value

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        is_transposed = self._columns is not None
        vectors = tf.cast(self._columns if is_transposed else self.embedding.embeddings, hidden.dtype)
        flat = tf.matmul(tf.reshape(hidden, (-1, hidden.shape[-1])), vectors, transpose_b=not is_transposed)
        return _shaped(tf.cast(flat, tf.float32) + tf.cast(self.bias, tf.float32), hidden)


class WordPart(NamedTuple):
    """The weights of the softmax within one part of the vocabulary.

    Attributes:
        vectors: (words, size of their vectors).
        bias: (words,).
        projection: (embedding, size of their vectors), from what the last layer says; None for the first part.
    """

    vectors: tf.Tensor
    bias: tf.Tensor
    projection: tf.Tensor | None = None

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """(rows, embedding) → (rows, words), in float32."""
        if self.projection is not None:
            hidden = tf.matmul(hidden, tf.cast(self.projection, hidden.dtype))
        logits = tf.matmul(hidden, tf.cast(self.vectors, hidden.dtype), transpose_b=True)
        return tf.cast(logits, tf.float32) + tf.cast(self.bias, tf.float32)


class AdaptiveSoftmax(keras.layers.Layer):
    """The adaptive softmax (Grave et al. 2017), tied to an adaptive embedding (Baevski & Auli 2019).

    A first softmax chooses among the frequent words and, as one further choice each, the rarer parts of the vocabulary;
    a second one, among the words of the part chosen. The probability of a rare word is the product of the two. All
    probabilities are exact, and cheap in training, where most words are decided by the first softmax alone.

    As in a tied softmax, the weights are the word vectors: those of the frequent words as they are, those of a rarer
    part behind its projection, which maps to the full size on the way in and from it on the way out. A vector of 12
    numbers per rare word is little to learn from a few readings; sharing it lets every reading as an input count, too.

    Weights of its own: `part_vectors` (parts after the first, embedding), `head_bias` (first cutoff + parts after the
    first,), and `biases` (words,), one for each part after the first.

    Args:
        embedding: the word vectors.

    Example:
        >>> softmax = AdaptiveSoftmax(AdaptiveEmbedding(vocabulary_size=10, size=8, cutoffs=[2, 5]))
        >>> probabilities = tf.exp(softmax.logits(tf.ones((3, 8))))
        >>> probabilities.shape, [round(float(row), 5) for row in tf.reduce_sum(probabilities, axis=1)]
        (TensorShape([3, 10]), [1.0, 1.0, 1.0])
    """

    def __init__(self, embedding: AdaptiveEmbedding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = embedding
        parts = embedding.parts
        self.part_vectors = self.add_weight(
            name="part_vectors",
            shape=(len(parts), embedding.size),
            initializer=keras.initializers.RandomUniform(-SCALE, SCALE),
            autocast=False,
        )
        choices = embedding.cutoffs[0] + len(parts)
        self.head_bias = self.add_weight(name="head_bias", shape=(choices,), initializer="zeros", autocast=False)
        self.biases = [
            self.add_weight(name=f"bias_{part}", shape=(end - first,), initializer="zeros", autocast=False)
            for part, (first, end) in enumerate(parts, start=1)
        ]
        self.built = True

    @property
    def vocabulary_size(self) -> int:
        return self.embedding.vocabulary_size

    @property
    def head(self) -> WordPart:
        """The softmax over the frequent words and the other parts, in this order."""
        vectors = tf.concat([self.embedding.head.value, self.part_vectors.value], axis=0)
        return WordPart(vectors, tf.convert_to_tensor(self.head_bias.value))

    @property
    def tails(self) -> list[WordPart]:
        """The softmax over the words of each part after the first."""
        weights = zip(self.embedding.rows, self.biases, self.embedding.projections, strict=True)
        return [WordPart(*(tf.convert_to_tensor(weight.value) for weight in part)) for part in weights]

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """Log probabilities, (…, embedding) → (…, V), in float32."""
        flat = tf.reshape(hidden, (-1, hidden.shape[-1]))
        frequent = self.embedding.cutoffs[0]
        head = tf.nn.log_softmax(self.head.logits(flat))
        words = [head[:, :frequent]]
        for index, tail in enumerate(self.tails, start=frequent):
            words.append(head[:, index, tf.newaxis] + tf.nn.log_softmax(tail.logits(flat)))
        return _shaped(tf.concat(words, axis=1), hidden)


def _shaped(logits: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
    """(rows, V) with the axes of hidden (…, embedding) before V."""
    words = logits.shape[-1]
    shaped = tf.reshape(logits, tf.concat([tf.shape(hidden)[:-1], [words]], axis=0))
    shaped.set_shape((*hidden.shape[:-1], words))
    return shaped
