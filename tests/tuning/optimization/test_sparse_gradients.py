"""Merging repeated rows changes how a gradient is written, never what it says."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.tuning.optimization.sparse_gradients import merge_repeated_rows


@settings(max_examples=30)
@given(indices=st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_same_dense_gradient_and_every_nonzero_row_once(indices: list[int]) -> None:
    values = tf.random.stateless_uniform((len(indices), 3), seed=[0, 1], minval=0.5)
    pieces = tf.IndexedSlices(values, tf.constant(indices), tf.constant([7, 3]))
    whole = merge_repeated_rows(pieces)
    np.testing.assert_allclose(tf.convert_to_tensor(pieces), tf.convert_to_tensor(whole), rtol=1e-6)
    nonzero = whole.indices.numpy()[np.any(whole.values.numpy() != 0, axis=1)]
    assert sorted(set(indices)) == sorted(nonzero)


def test_the_norm_is_that_of_the_dense_gradient() -> None:
    pieces = tf.IndexedSlices(tf.constant([[3.0], [1.0], [3.0]]), tf.constant([2, 0, 2]), tf.constant([4, 1]))
    dense_norm = tf.norm(tf.convert_to_tensor(pieces))
    assert dense_norm == tf.norm(merge_repeated_rows(pieces).values)
    assert dense_norm != tf.norm(pieces.values)


def test_dense_gradients_and_missing_ones_pass() -> None:
    dense = tf.ones((2, 2))
    assert merge_repeated_rows(dense) is dense
    assert merge_repeated_rows(None) is None


def test_compiles_with_xla() -> None:
    @tf.function(jit_compile=True)
    def merged(values: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        return merge_repeated_rows(tf.IndexedSlices(values, indices, tf.constant([4, 1]))).values

    assert [[6.0], [1.0], [0.0]] == merged(tf.constant([[3.0], [1.0], [3.0]]), tf.constant([2, 0, 2])).numpy().tolist()
