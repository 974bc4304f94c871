"""The table of word vectors, never copied."""

from typing import Any

import keras
import tensorflow as tf

__all__ = ["WordVectors", "look_up"]


@keras.saving.register_keras_serializable("rnnzoo")
class WordVectors(keras.layers.Embedding):
    """Keras's `Embedding`, without copies of the table: see `look_up`.

    Example:
        >>> vectors = WordVectors(10, 4)
        >>> vectors(tf.constant([[1, 2, 3]])).shape
        TensorShape([1, 3, 4])
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.supports_masking = True

    def add_weight(self, *arguments: Any, **options: Any) -> keras.Variable:
        return super().add_weight(*arguments, **{**options, "autocast": False})  # rows are cast, not the table

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.cast(look_up(self.embeddings, inputs, training), self.compute_dtype)

    def compute_mask(self, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor | None:
        return super().compute_mask(inputs, mask) if self.mask_zero else mask

    def enable_lora(self, *arguments: Any, **options: Any) -> None:
        raise ValueError(
            "low-rank adaptation must be of layers that nothing else reads, but got word vectors, which softmaxes, "
            "presets and exports read, too."
        )


def look_up(table: Any, ids: tf.Tensor, training: bool | None = None) -> tf.Tensor:
    """The rows of a table, (words, size), that belong to ids, (…): (…, size).

    From the moment that anything looks at a variable by rows, TensorFlow copies all of it whenever it is read as a
    whole (`EnsureSparseVariableAccess` in its resource_variable_ops.cc): 27 MB for 33,278 words of 200 numbers.
    Training looks at rows, and updates rows. A model that only answers reads the whole, as its softmax does anyway,
    and copies nothing.

    Args:
        table: a Keras variable, or what stands for it where Keras computes without state.
        ids: of the rows, in any dtype, as `keras.layers.Embedding` takes them.
        training: whether the table is being updated.

    Example:
        >>> look_up(keras.Variable([[1.0], [2.0], [3.0]]), tf.constant([2, 0])).numpy().tolist()
        [[3.0], [1.0]]
    """
    table = table.value if isinstance(table, keras.Variable) else table
    ids = tf.convert_to_tensor(ids)
    ids = ids if ids.dtype in (tf.int32, tf.int64) else tf.cast(ids, tf.int32)
    return tf.gather(table if training else tf.convert_to_tensor(table), ids)
