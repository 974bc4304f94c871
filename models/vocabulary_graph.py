"""A vocabulary as TensorFlow operations, so that a SavedModel reads text and answers in words by itself."""

import tensorflow as tf

from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.models.word_splitting import APOSTROPHE, INNER_MARK, SEPARATOR, SUFFIX, WORD

__all__ = ["VocabularyGraph"]


def _replace(texts: tf.Tensor, rule: tuple[str, str]) -> tf.Tensor:
    pattern, rewrite = rule
    return tf.strings.regex_replace(texts, pattern, rewrite)


def _space_words(texts: tf.Tensor) -> tf.Tensor:
    return _replace(_replace(_replace(texts, SEPARATOR), WORD), APOSTROPHE)


class VocabularyGraph(tf.Module):
    """Does what its vocabulary does, inside a graph: core TensorFlow operations and one static table.

    Whatever is exported must track it (an attribute of the exported `tf.Module`, or `ExportArchive.track`), or the
    table is lost.

    Args:
        vocabulary: the words and the rule to follow.

    >>> graph = VocabularyGraph(Vocabulary(["<unk>", "<eos>", "to", "be"]))
    >>> graph.encode(tf.constant(["to be", "be quiet!"])).to_list()
    [[2, 3], [3, 0, 0]]
    >>> graph.words(tf.constant([[2, 3]])).numpy().tolist()
    [[b'to', b'be']]
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(name="vocabulary")
        self._rule = vocabulary.rule
        self._words = tf.constant(vocabulary.words)  # (V,)
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(self._words, tf.range(len(vocabulary), dtype=tf.int32)),
            default_value=Vocabulary.unknown_id,
        )

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Split UTF-8 texts `(batch,)` into words `(batch, None)`, exactly as `Vocabulary.split` does.

        Bytes that are not UTF-8 become U+FFFD, an unknown word: in a server one client's broken text must not fail
        the requests that share its batch.
        """
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        if self._rule == "words":
            return tf.strings.split(_space_words(texts))
        chunks = tf.strings.split(_replace(texts, SEPARATOR))  # (batch, None)
        chunk = chunks.values
        known = (self._table.lookup(chunk) != Vocabulary.unknown_id) | (chunk == Vocabulary.UNKNOWN)
        spaced = tf.where(known, chunk, _space_words(_replace(_replace(chunk, INNER_MARK), INNER_MARK)))
        return chunks.with_values(tf.strings.split(spaced)).merge_dims(1, 2)

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """The ids of the words of `texts`: string `(batch,)` → int32 `(batch, None)`; 0 for an unknown word."""
        return tf.ragged.map_flat_values(self._table.lookup, self.split(texts))

    def words(self, ids: tf.Tensor) -> tf.Tensor:
        """The words of `ids`, in the same shape. Each id must be from 0 to V - 1; the CPU refuses any other."""
        return tf.gather(self._words, ids)

    def decode(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """The words of ids `(batch, None)` as texts `(batch,)`, exactly as `Vocabulary.decode` writes them.

        >>> graph = VocabularyGraph(Vocabulary(["<unk>", "<eos>", "don", "'t", "go"]))
        >>> graph.decode(tf.ragged.constant([[2, 3, 4], []], dtype=tf.int32)).numpy().tolist()
        [b"don't go", b'']
        """
        words = tf.ragged.map_flat_values(self.words, ids)
        texts = tf.strings.reduce_join(words, axis=1, separator=" ")
        return _replace(texts, SUFFIX) if self._rule == "words" else texts

    def joined(self, words: tf.Tensor) -> tf.Tensor:
        """What each word adds to a text that `decode` writes: the word behind a space, or a suffix without one.

        >>> graph = VocabularyGraph(Vocabulary(["<unk>", "<eos>", "don", "'t"]))
        >>> graph.joined(tf.constant(["don", "'t"])).numpy().tolist()
        [b' don', b"'t"]
        """
        spaced = tf.strings.join([" ", words])
        return _replace(spaced, SUFFIX) if self._rule == "words" else spaced
