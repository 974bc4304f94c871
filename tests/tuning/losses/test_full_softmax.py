"""The sliced softmax is the plain one, whatever the size of a slice."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.softmaxes import TiedSoftmax
from rnnzoo.tuning.evaluation.likelihoods import likelihoods_and_ranks
from rnnzoo.tuning.losses.full_softmax import full_softmax_loss

TOKENS, FEATURES, WORDS = 13, 5, 30
SLICES = [10**6, 4 * WORDS, WORDS]  # all tokens at once, four (the last slice is padded), one


@pytest.fixture(scope="module")
def softmax() -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(1)
    return {
        "hidden": tf.constant(rng.normal(size=(TOKENS, FEATURES)), tf.float32),
        "embedding": tf.constant(rng.normal(size=(WORDS, FEATURES)), tf.float32),
        "bias": tf.constant(rng.normal(size=WORDS), tf.float32),
        "targets": tf.constant(rng.integers(0, WORDS, size=TOKENS), tf.int32),
    }


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("logits_per_slice", SLICES)
def test_loss_and_gradients(softmax: dict[str, tf.Tensor], logits_per_slice: int, compiled: bool) -> None:
    weights = tf.constant([1.0, 0.5] * 6 + [0.0])
    sources = [softmax["hidden"], softmax["embedding"], softmax["bias"]]

    def plain() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(sources)
            logits = softmax["hidden"] @ tf.transpose(softmax["embedding"]) + softmax["bias"]
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(softmax["targets"], logits)
            loss = tf.reduce_sum(weights * nats)
        return loss, tape.gradient(loss, sources)

    @tf.function(jit_compile=compiled)
    def sliced() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(sources)
            loss = full_softmax_loss(**softmax, weights=weights, logits_per_slice=logits_per_slice)
            scaled = 3 * loss
        return loss, [tf.convert_to_tensor(part) / 3 for part in tape.gradient(scaled, sources)]

    (expected_loss, expected), (loss, actual) = plain(), sliced()
    np.testing.assert_allclose(expected_loss, loss, rtol=1e-5)
    for left, right in zip(expected, actual, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def tied(embedding: tf.Tensor, bias: tf.Tensor) -> TiedSoftmax:
    layer = keras.layers.Embedding(*embedding.shape, weights=[embedding.numpy()])
    layer.build()
    return TiedSoftmax(layer, keras.Variable(bias))


@pytest.mark.parametrize("logits_per_slice", SLICES)
def test_likelihoods_and_ranks(softmax: dict[str, tf.Tensor], logits_per_slice: int) -> None:
    logits = softmax["hidden"] @ tf.transpose(softmax["embedding"]) + softmax["bias"]
    order = np.argsort(-logits.numpy(), axis=-1, kind="stable")
    targets = softmax["targets"].numpy()
    log_likelihoods, ranks = likelihoods_and_ranks(
        tied(softmax["embedding"], softmax["bias"]), softmax["hidden"], softmax["targets"], logits_per_slice
    )
    expected = tf.gather(tf.nn.log_softmax(logits), targets, batch_dims=1)
    np.testing.assert_allclose(expected, log_likelihoods, rtol=1e-5)
    assert [
        np.flatnonzero(row == target)[0] for row, target in zip(order, targets, strict=True)
    ] == ranks.numpy().tolist()


def test_equal_words_rank_by_their_id() -> None:
    targets = tf.constant([0, 3, 9])
    _, ranks = likelihoods_and_ranks(tied(tf.zeros((10, 2)), tf.zeros(10)), tf.zeros((3, 2)), targets)
    assert [0, 3, 9] == ranks.numpy().tolist()


def test_large_logits_do_not_overflow() -> None:
    loss = full_softmax_loss(
        tf.fill((1, 1), 1e4), tf.constant([[1.0], [-1.0]]), tf.zeros(2), tf.constant([1]), tf.ones(1)
    )
    assert 2e4 == float(loss)


@pytest.mark.parametrize("logits_per_slice", SLICES)
def test_any_number_of_tokens(softmax: dict[str, tf.Tensor], logits_per_slice: int) -> None:
    rows = [tf.TensorSpec((None, FEATURES)), tf.TensorSpec((None,), tf.int32)]

    output = tied(softmax["embedding"], softmax["bias"])

    @tf.function(input_signature=rows)
    def measures(hidden: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        weights = tf.ones_like(targets, tf.float32)
        loss = full_softmax_loss(hidden, *output.weights, targets, weights, logits_per_slice)
        return loss, likelihoods_and_ranks(output, hidden, targets, logits_per_slice)[0]

    loss, log_likelihoods = measures(softmax["hidden"], softmax["targets"])
    assert float(loss) == pytest.approx(-float(tf.reduce_sum(log_likelihoods)), rel=1e-5)
