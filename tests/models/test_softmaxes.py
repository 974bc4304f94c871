"""The adaptive softmax is that of Grave et al. as PyTorch documents it, with word vectors for weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.adaptive_embedding import AdaptiveEmbedding
from rnnzoo.models.softmaxes import AdaptiveSoftmax, TiedSoftmax

WORDS, SIZE, CUTOFFS = 20, 8, (3, 9)


@pytest.fixture(scope="module")
def softmax() -> AdaptiveSoftmax:
    softmax = AdaptiveSoftmax(AdaptiveEmbedding(WORDS, SIZE, CUTOFFS, division=2))
    random = np.random.default_rng(0)
    for weight in softmax.weights:
        weight.assign(random.normal(size=weight.shape))
    return softmax


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def reference(softmax: AdaptiveSoftmax, hidden: np.ndarray) -> np.ndarray:
    """`AdaptiveLogSoftmaxWithLoss.log_prob` of PyTorch, in float64: head = shortlist and clusters, tails below them."""
    embedding = softmax.embedding
    weight = np.concatenate([embedding.head, softmax.part_vectors]).astype(np.float64)
    head = log_softmax(hidden @ weight.T + softmax.head_bias.numpy())
    result = np.empty((len(hidden), WORDS))
    shortlist, ends = CUTOFFS[0], (*CUTOFFS, WORDS)
    result[:, :shortlist] = head[:, :shortlist]
    for cluster in range(len(CUTOFFS)):
        rows, projection = (weights[cluster].numpy() for weights in (embedding.rows, embedding.projections))
        inner = (hidden @ projection) @ rows.astype(np.float64).T + softmax.biases[cluster].numpy()
        start, stop = ends[cluster], ends[cluster + 1]
        result[:, start:stop] = log_softmax(inner) + head[:, shortlist + cluster, np.newaxis]
    return result


@pytest.mark.parametrize("compiled", [False, True])
def test_log_probabilities_are_the_definition(softmax: AdaptiveSoftmax, compiled: bool) -> None:
    hidden = np.random.default_rng(1).normal(size=(5, SIZE))
    answer = tf.function(softmax.logits, jit_compile=compiled)(tf.constant(hidden, tf.float32))
    np.testing.assert_allclose(answer, reference(softmax, hidden), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.exp(answer).sum(axis=1), 1.0, rtol=1e-5)


def test_any_number_of_axes(softmax: AdaptiveSoftmax) -> None:
    hidden = tf.random.stateless_normal((2, 3, SIZE), seed=(0, 1))
    answer = softmax.logits(hidden)
    assert (2, 3, WORDS) == answer.shape
    np.testing.assert_allclose(answer[1, 2], softmax.logits(hidden[1, 2:])[0], rtol=1e-5)
    traced = tf.function(softmax.logits, input_signature=[tf.TensorSpec((None, None, SIZE))])
    assert [None, None, WORDS] == traced.get_concrete_function().output_shapes.as_list()


def test_one_vector_serves_as_input_and_as_output(softmax: AdaptiveSoftmax) -> None:
    """Within its part, a word's logit is the product of what was said with the very vector that it is read as."""
    hidden = np.random.default_rng(2).normal(size=(1, SIZE)).astype(np.float32)
    vectors, log_probabilities = softmax.embedding(tf.range(WORDS)).numpy(), softmax.logits(hidden).numpy()[0]
    biases = np.concatenate([softmax.head_bias[:3], *softmax.biases])
    for first, end in ((0, 3), (3, 9), (9, 20)):
        logits = (vectors @ hidden[0] + biases)[first:end]
        np.testing.assert_allclose(np.diff(log_probabilities[first:end]), np.diff(logits), rtol=1e-4, atol=1e-5)


def test_the_tied_softmax_multiplies_with_all_word_vectors() -> None:
    embedding, bias = keras.layers.Embedding(WORDS, SIZE), keras.Variable(np.arange(WORDS), dtype="float32")
    embedding.build()
    hidden = np.random.default_rng(3).normal(size=(2, 3, SIZE))
    expected = hidden @ embedding.embeddings.numpy().T + np.arange(WORDS)
    logits = TiedSoftmax(embedding, bias).logits(tf.constant(hidden, tf.float32))
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
