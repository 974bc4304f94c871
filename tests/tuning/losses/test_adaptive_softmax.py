"""The loss of an adaptive softmax is the whole likelihood, wherever the targets lie."""

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.adaptive_embedding import AdaptiveEmbedding
from rnnzoo.models.softmaxes import AdaptiveSoftmax
from rnnzoo.tuning.evaluation.likelihoods import likelihoods_and_ranks
from rnnzoo.tuning.losses.adaptive_softmax import adaptive_softmax_loss

WORDS, SIZE = 20, 6
TARGETS = {
    "every word": list(range(WORDS)),
    "frequent words alone": [0, 1, 2, 1, 0],
    "one rare part alone, more than a slice": [19, 9, 9, 12, 15, 11, 10, 9, 18],
    "one of each": [5, 19, 1],
    "a single token": [7],
}
SLICES = [4, 64]


@pytest.fixture(scope="module")
def softmax() -> AdaptiveSoftmax:
    softmax = AdaptiveSoftmax(AdaptiveEmbedding(WORDS, SIZE, (3, 9), division=2))
    random = np.random.default_rng(0)
    for weight in softmax.weights:
        weight.assign(random.normal(size=weight.shape))
    return softmax


def operands(targets: list[int]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    random = np.random.default_rng(1)
    hidden = tf.constant(random.normal(size=(len(targets), SIZE)), tf.float32)
    return hidden, tf.constant(targets), tf.constant(random.choice([0.0, 0.5, 1.0], size=len(targets)), tf.float32)


def whole_likelihood(softmax: AdaptiveSoftmax, hidden: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    return -tf.reduce_sum(weights * tf.gather(softmax.logits(hidden), targets, batch_dims=1))


def weights_of(softmax: AdaptiveSoftmax) -> list[tf.Variable]:
    return [weight.value for weight in softmax.trainable_weights]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("tokens_per_slice", SLICES)
@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_loss_and_gradients(
    softmax: AdaptiveSoftmax, targets: list[int], tokens_per_slice: int, compiled: bool
) -> None:
    hidden, ids, weights = operands(targets)
    sources = [hidden, *weights_of(softmax)]

    with tf.GradientTape() as tape:
        tape.watch(hidden)
        expected_loss = whole_likelihood(softmax, hidden, ids, weights)
    expected = tape.gradient(expected_loss, sources, unconnected_gradients="zero")

    @tf.function(jit_compile=compiled)
    def learn() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            loss = adaptive_softmax_loss(softmax, hidden, ids, weights, tokens_per_slice)
        return loss, [tf.convert_to_tensor(one) for one in tape.gradient(loss, sources)]

    loss, gradients = learn()
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
    for want, got in zip(expected, gradients, strict=True):
        np.testing.assert_allclose(got, tf.convert_to_tensor(want), rtol=1e-4, atol=1e-5)


def test_gradients_are_finite_differences(softmax: AdaptiveSoftmax) -> None:
    hidden, targets, weights = operands(TARGETS["every word"])
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        loss = adaptive_softmax_loss(softmax, hidden, targets, weights, tokens_per_slice=4)
    gradients = tape.gradient(loss, [hidden, *weights_of(softmax)])
    random, step = np.random.default_rng(2), 1e-2

    def difference(move: tf.Variable | None, direction: np.ndarray) -> float:
        def at(length: float) -> float:
            shift = tf.constant(length * direction, tf.float32)
            if move is None:
                return float(adaptive_softmax_loss(softmax, hidden + shift, targets, weights, tokens_per_slice=4))
            move.assign_add(shift)
            value = float(adaptive_softmax_loss(softmax, hidden, targets, weights, tokens_per_slice=4))
            move.assign_sub(shift)
            return value

        return (at(step) - at(-step)) / (2 * step)

    for source, gradient in zip([None, *weights_of(softmax)], gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        direction = random.normal(size=gradient.shape)
        direction /= np.linalg.norm(direction)
        assert difference(source, direction) == pytest.approx(np.sum(direction * gradient), rel=5e-3, abs=5e-3)


def test_the_padding_counts_for_nothing(softmax: AdaptiveSoftmax) -> None:
    hidden, targets, _ = operands([5, 19, 1, 12])
    weights = tf.constant([1.0, 1.0, 1.0, 0.0])
    expected = adaptive_softmax_loss(softmax, hidden[:3], targets[:3], weights[:3])
    for padding in (0, 5, 19):
        padded = tf.concat([targets[:3], [padding]], axis=0)
        np.testing.assert_allclose(adaptive_softmax_loss(softmax, hidden, padded, weights), expected, rtol=1e-6)


@pytest.mark.parametrize("tokens_per_slice", SLICES)
def test_any_number_of_tokens(softmax: AdaptiveSoftmax, tokens_per_slice: int) -> None:
    @tf.function(
        input_signature=[tf.TensorSpec((None, SIZE)), tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,))]
    )
    def learn(hidden: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            loss = adaptive_softmax_loss(softmax, hidden, targets, weights, tokens_per_slice)
        return loss, tape.gradient(loss, hidden)

    for targets in TARGETS.values():
        hidden, ids, weights = operands(targets)
        loss, gradient = learn(hidden, ids, weights)
        np.testing.assert_allclose(loss, whole_likelihood(softmax, hidden, ids, weights), rtol=1e-5)
        assert hidden.shape == gradient.shape


@pytest.mark.parametrize("logits_per_slice", [10**6, 4 * WORDS, WORDS])
def test_evaluation_is_the_loss(softmax: AdaptiveSoftmax, logits_per_slice: int) -> None:
    hidden, targets, weights = operands(TARGETS["every word"])
    likelihoods, ranks = likelihoods_and_ranks(softmax, hidden, targets, logits_per_slice)
    loss = adaptive_softmax_loss(softmax, hidden, targets, weights)
    assert float(loss) == pytest.approx(-float(tf.reduce_sum(weights * likelihoods)), rel=1e-5)
    order = np.argsort(-softmax.logits(hidden).numpy(), axis=-1, kind="stable")
    assert [
        np.flatnonzero(row == target)[0] for row, target in zip(order, targets, strict=True)
    ] == ranks.numpy().tolist()
