"""Each word has the vector of its part."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.adaptive_embedding import AdaptiveEmbedding


@pytest.fixture(scope="module")
def embedding() -> AdaptiveEmbedding:
    return AdaptiveEmbedding(vocabulary_size=20, size=8, cutoffs=(3, 9), division=2)


def table(embedding: AdaptiveEmbedding) -> np.ndarray:
    """All word vectors, (V, size): what a plain lookup would read."""
    parts = zip(embedding.rows, embedding.projections, strict=True)
    return np.concatenate([embedding.head, *(rows.numpy() @ projection.numpy().T for rows, projection in parts)])


def test_every_word_has_its_vector(embedding: AdaptiveEmbedding) -> None:
    assert [(6, 4), (11, 2)] == [rows.shape for rows in embedding.rows]
    np.testing.assert_allclose(embedding(tf.range(20)), table(embedding), rtol=1e-6)
    ids = np.random.default_rng(0).integers(0, 20, size=(4, 5))
    np.testing.assert_allclose(embedding(ids), table(embedding)[ids], rtol=1e-6)
    assert (4, 5, 8) == embedding.compute_output_shape((4, 5))


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_reach_the_words_that_came_and_no_others(embedding: AdaptiveEmbedding, compiled: bool) -> None:
    ids = tf.constant([1, 1, 4, 19])

    @tf.function(jit_compile=compiled)
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(embedding(ids))
        weights = [embedding.head, *embedding.rows]
        return [tf.convert_to_tensor(one) for one in tape.gradient(loss, [weight.value for weight in weights])]

    head, middle, last = (gradient.numpy() for gradient in gradients())
    assert [0, 2 * 8, 0] == head.sum(axis=1).tolist()
    for gradient, word, projection in ((middle, 4 - 3, 0), (last, 19 - 9, 1)):
        expected = np.zeros_like(gradient)
        expected[word] = embedding.projections[projection].numpy().sum(axis=0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5)


@pytest.mark.parametrize("word", [-1, 20])
def test_ids_that_no_word_has_are_refused(embedding: AdaptiveEmbedding, word: int) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not in"):
        embedding(tf.constant([2, word]))


def test_all_parts_begin_as_large() -> None:
    keras.utils.set_random_seed(0)
    sizes = table(AdaptiveEmbedding(vocabulary_size=4000, size=64, cutoffs=(500, 1500))).std(axis=1)
    for part in (sizes[:500], sizes[500:1500], sizes[1500:]):
        assert 0.1 / np.sqrt(3) == pytest.approx(np.sqrt(np.mean(part**2)), rel=0.25)


def test_configuration_round_trip(embedding: AdaptiveEmbedding) -> None:
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(embedding))
    restored.set_weights(embedding.get_weights())
    np.testing.assert_array_equal(embedding(tf.range(20)), restored(tf.range(20)))


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="division must be a positive integer, but got division=0"):
        AdaptiveEmbedding(10, 4, (2,), division=0)
    with pytest.raises(ValueError, match="cutoffs must be below the number of words, 10"):
        AdaptiveEmbedding(10, 4, (2, 10))
