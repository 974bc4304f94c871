"""Word vectors are Keras's embedding, updated by rows, and not copied to be read."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from masks import mask_of, with_mask

from rnnzoo.models.word_vectors import WordVectors

IDS = tf.constant([[3, 1, 3], [0, 9, 1]])


def test_equals_keras() -> None:
    ours, theirs = WordVectors(10, 4), keras.layers.Embedding(10, 4)
    ours.build()
    theirs.build()
    ours.set_weights(theirs.get_weights())
    np.testing.assert_array_equal(theirs(IDS), ours(IDS))


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_names_the_rows_that_were_read(training: bool) -> None:
    vectors = WordVectors(10, 4)
    vectors.build()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(vectors(IDS, training=training) ** 2)
    (gradient,) = tape.gradient(loss, vectors.trainable_weights)
    assert isinstance(gradient, tf.IndexedSlices)
    assert IDS.numpy().ravel().tolist() == gradient.indices.numpy().tolist()


def test_training_looks_at_rows_alone() -> None:
    vectors = WordVectors(10, 4)
    vectors.build()
    look_up = tf.function(partial(vectors, training=True))
    graph = look_up.get_concrete_function(tf.TensorSpec((None,), tf.int32)).graph
    operations = {operation.type for operation in graph.get_operations()}
    assert "ResourceGather" in operations
    assert "ReadVariableOp" not in operations


def test_mixed_precision_casts_rows_not_the_table() -> None:
    vectors = WordVectors(10, 4, dtype="mixed_bfloat16")
    assert tf.bfloat16 == vectors(IDS).dtype
    assert "float32" == vectors.embeddings.dtype
    graph = tf.function(lambda ids: vectors(ids, training=True)).get_concrete_function(tf.TensorSpec((3,), tf.int32))
    casts = [operation for operation in graph.graph.get_operations() if operation.type == "Cast"]
    assert [[3, 4]] == [operation.inputs[0].shape.as_list() for operation in casts]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float32"])
def test_ids_may_have_any_dtype_as_in_keras(dtype: str) -> None:
    vectors = WordVectors(10, 4)
    np.testing.assert_array_equal(vectors(tf.constant([1, 2])), vectors(tf.constant([1, 2], dtype)))


def test_a_mask_travels_on() -> None:
    mask = IDS > 0
    np.testing.assert_array_equal(mask, mask_of(WordVectors(10, 4, mask_zero=True)(IDS)))
    np.testing.assert_array_equal(mask, mask_of(WordVectors(10, 4)(with_mask(IDS, mask))))


def test_low_rank_adaptation_is_refused() -> None:
    vectors = WordVectors(10, 4)
    vectors.build()
    with pytest.raises(ValueError, match=r"low-rank adaptation must .*, but got word vectors"):
        vectors.enable_lora(2)


def test_keras_file(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,), dtype="int32"), WordVectors(10, 4)])
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(IDS), keras.saving.load_model(tmp_path / "model.keras")(IDS))
