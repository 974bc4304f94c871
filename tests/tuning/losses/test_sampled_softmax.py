"""The sample has the odds that it states, and the loss estimates the full one."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.tuning.losses.full_softmax import full_softmax_loss
from rnnzoo.tuning.losses.sampled_softmax import LogUniformSampler, sampled_softmax_loss


def draws(sampler: LogUniformSampler, count: int) -> np.ndarray:
    """(count, S)"""
    seeds = tf.stack([tf.zeros(count, tf.int32), tf.range(count)], axis=1)
    return tf.function(lambda: tf.vectorized_map(sampler.draw, seeds))().numpy()


@pytest.mark.parametrize(("vocabulary_size", "samples"), [(50, 20), (50, 49), (50, 1), (1000, 64)])
def test_counts_are_those_expected(vocabulary_size: int, samples: int) -> None:
    sampler, draw_count = LogUniformSampler(vocabulary_size, samples), 4000
    expected = np.exp(sampler.log_expected_counts(tf.range(vocabulary_size)))
    counts = np.bincount(draws(sampler, draw_count).ravel(), minlength=vocabulary_size) / draw_count
    noise = np.sqrt(np.maximum(expected, 1e-3) / draw_count)
    assert np.all(np.abs(counts - expected) < 5 * noise)
    assert samples == pytest.approx(expected.sum(), rel=1e-5)


@settings(max_examples=50)
@given(vocabulary_size=st.integers(2, 300_000), data=st.data())
def test_ids_are_words_and_the_frequent_ones_are_always_there(vocabulary_size: int, data: st.DataObject) -> None:
    samples = data.draw(st.integers(1, min(vocabulary_size - 1, 5000)))
    sampler = LogUniformSampler(vocabulary_size, samples)
    ids = sampler.draw(tf.constant([samples, vocabulary_size]))
    log_counts = sampler.log_expected_counts(ids)
    assert (samples,) == ids.shape == log_counts.shape
    assert 0 <= ids.numpy().min()
    assert vocabulary_size > ids.numpy().max()
    assert set(range(sampler.always)) <= set(ids.numpy().tolist())
    assert log_counts.numpy().max() <= 1e-6  # nothing is expected more than once


def test_equal_seeds_draw_equal_samples() -> None:
    sampler = LogUniformSampler(1000, 50)
    first, again, other = (sampler.draw(tf.constant([3, step])).numpy() for step in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("samples", [0, 100, 101])
def test_a_sample_is_smaller_than_the_vocabulary(samples: int) -> None:
    with pytest.raises(ValueError, match="samples must lie between 1 and the vocabulary's size less 1"):
        LogUniformSampler(100, samples)


@pytest.fixture(scope="module")
def softmax() -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(0)
    return {
        "hidden": tf.constant(rng.normal(size=(12, 8)), tf.float32),
        "embedding": tf.constant(rng.normal(size=(80, 8)) / 3, tf.float32),
        "bias": tf.constant(rng.normal(size=80) / 3, tf.float32),
        "targets": tf.constant(rng.integers(0, 80, size=12), tf.int32),
        "weights": tf.constant([1.0] * 11 + [0.0]),
    }


def test_the_estimate_has_the_partition_function_without_bias(softmax: dict[str, tf.Tensor]) -> None:
    sampler, count = LogUniformSampler(80, 16), 3000
    one = {name: tensor[:1] if name in ("hidden", "targets", "weights") else tensor for name, tensor in softmax.items()}

    @tf.function
    def ratio(step: tf.Tensor) -> tf.Tensor:  # exp(loss) = partition function / exp(logit of the target)
        return tf.exp(sampled_softmax_loss(**one, sampler=sampler, seed=tf.stack([0, step]))[1])

    estimates = np.array([ratio(tf.constant(step)) for step in range(count)])
    exact = np.exp(full_softmax_loss(**one))
    assert abs(estimates.mean() - exact) < 5 * estimates.std() / np.sqrt(count)


def mean_gradients(
    softmax: dict[str, tf.Tensor], samples: int, count: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of embedding and bias: the mean over so many samples, and its standard error."""
    sampler = LogUniformSampler(80, samples)
    sources = [softmax[name] for name in ("embedding", "bias")]

    @tf.function
    def gradients(step: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(sources)
            loss, _ = sampled_softmax_loss(**softmax, sampler=sampler, seed=tf.stack([1, step]))
        return [tf.convert_to_tensor(part) for part in tape.gradient(loss, sources)]

    draws = zip(*(gradients(tf.constant(step)) for step in range(count)), strict=True)
    means, errors = zip(*((np.mean(one, axis=0), np.std(one, axis=0) / np.sqrt(count)) for one in draws), strict=True)
    return list(means), list(errors)


def test_the_true_probabilities_are_where_the_gradient_is_zero(softmax: dict[str, tf.Tensor]) -> None:
    """Every word as a target, weighted with the probability that the full softmax gives it: nothing left to learn."""
    hidden = softmax["hidden"][:1]
    probabilities = tf.nn.softmax(hidden @ tf.transpose(softmax["embedding"]) + softmax["bias"])[0]
    learnt = {**softmax, "hidden": tf.repeat(hidden, 80, axis=0), "targets": tf.range(80), "weights": probabilities}
    means, errors = mean_gradients(learnt, samples=12, count=600)
    for mean, error in zip(means, errors, strict=True):
        assert np.linalg.norm(mean) < 2 * np.linalg.norm(error)
    wrong = {**learnt, "weights": tf.fill((80,), 1 / 80)}  # the test would see a gradient that is not zero
    means, errors = mean_gradients(wrong, samples=12, count=600)
    for mean, error in zip(means, errors, strict=True):
        assert np.linalg.norm(mean) > 4 * np.linalg.norm(error)


def test_the_gradient_nears_the_full_one(softmax: dict[str, tf.Tensor]) -> None:
    sources = [softmax[name] for name in ("embedding", "bias")]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        loss = full_softmax_loss(**softmax)
    exact = [tf.convert_to_tensor(part).numpy() for part in tape.gradient(loss, sources)]
    distances = []
    for samples in (20, 50, 78):
        means, _ = mean_gradients(softmax, samples, count=300)
        distances.append([np.linalg.norm(m - e) / np.linalg.norm(e) for m, e in zip(means, exact, strict=True)])
    assert np.all(np.diff(distances, axis=0) < 0)
    assert np.all(np.array(distances[-1]) < 0.1)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_name_rows(softmax: dict[str, tf.Tensor], compiled: bool) -> None:
    weights = {"embedding": tf.Variable(softmax["embedding"]), "bias": tf.Variable(softmax["bias"])}
    sampler = LogUniformSampler(80, 16)
    kinds = []

    @tf.function(jit_compile=compiled)
    def estimate_and_rows(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, estimate = sampled_softmax_loss(**{**softmax, **weights}, sampler=sampler, seed=seed)
        gradients = tape.gradient(loss, list(weights.values()))
        kinds.extend(type(gradient) for gradient in gradients)
        return estimate, gradients[0].values

    estimate, values = estimate_and_rows(tf.constant([0, 5]))
    assert {tf.IndexedSlices} == set(kinds)
    assert (12 + 16, 8) == values.shape
    assert float(full_softmax_loss(**softmax)) == pytest.approx(float(estimate), rel=0.1)


def test_a_sample_without_any_other_word_costs_nothing(softmax: dict[str, tf.Tensor]) -> None:
    """One sample, the target itself: no word is left to tell it from."""
    sampler, seed = LogUniformSampler(80, 1), tf.constant([0, 0])
    same = {**softmax, "targets": tf.repeat(sampler.draw(seed), 12)}
    assert (0.0, 0.0) == tuple(float(part) for part in sampled_softmax_loss(**same, sampler=sampler, seed=seed))


def test_padding_counts_for_nothing(softmax: dict[str, tf.Tensor]) -> None:
    sampler, seed = LogUniformSampler(80, 16), tf.constant([0, 0])
    other = {**softmax, "targets": tf.concat([softmax["targets"][:-1], [0]], axis=0)}
    expected = sampled_softmax_loss(**softmax, sampler=sampler, seed=seed)
    assert expected == sampled_softmax_loss(**other, sampler=sampler, seed=seed)
