"""The sample has the odds that it states, and the loss estimates the full one."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.tuning.full_softmax import full_softmax_loss
from rnnzoo.tuning.sampled_softmax import LogUniformSampler, sampled_softmax_loss


def draws(sampler: LogUniformSampler, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and expected counts, both (count, S)."""
    seeds = tf.stack([tf.zeros(count, tf.int32), tf.range(count)], axis=1)
    ids, log_counts = tf.function(lambda: tf.vectorized_map(sampler.draw, seeds))()
    return ids.numpy(), np.exp(log_counts.numpy())


@pytest.mark.parametrize(("vocabulary_size", "samples"), [(50, 20), (50, 49), (50, 1), (1000, 64)])
def test_counts_are_those_stated(vocabulary_size: int, samples: int) -> None:
    draws_count = 4000
    ids, expected = draws(LogUniformSampler(vocabulary_size, samples), draws_count)
    stated = np.full(vocabulary_size, np.nan)
    stated[ids.ravel()] = expected.ravel()
    drawn = ~np.isnan(stated)
    counts = np.bincount(ids.ravel(), minlength=vocabulary_size) / draws_count
    noise = np.sqrt(np.maximum(stated[drawn], 1e-3) / draws_count)
    assert np.all(np.abs(counts[drawn] - stated[drawn]) < 5 * noise)
    assert samples == pytest.approx(stated[drawn].sum(), rel=0.02)  # every draw has S ids


@settings(max_examples=50, deadline=None)
@given(vocabulary_size=st.integers(2, 300_000), data=st.data())
def test_ids_are_words_and_the_frequent_ones_are_always_there(vocabulary_size: int, data: st.DataObject) -> None:
    samples = data.draw(st.integers(1, min(vocabulary_size - 1, 5000)))
    sampler = LogUniformSampler(vocabulary_size, samples)
    ids, log_counts = sampler.draw(tf.constant([samples, vocabulary_size]))
    assert (samples,) == ids.shape == log_counts.shape
    assert 0 <= ids.numpy().min()
    assert vocabulary_size > ids.numpy().max()
    assert set(range(sampler.always)) <= set(ids.numpy().tolist())
    assert log_counts.numpy().max() <= 1e-6  # nothing is expected more than once


def test_equal_seeds_draw_equal_samples() -> None:
    sampler = LogUniformSampler(1000, 50)
    first, again, other = (sampler.draw(tf.constant([3, step]))[0].numpy() for step in (1, 1, 2))
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


def test_the_partition_function_is_estimated_without_bias(softmax: dict[str, tf.Tensor]) -> None:
    sampler, count = LogUniformSampler(80, 16), 3000
    one = {name: tensor[:1] if name in ("hidden", "targets", "weights") else tensor for name, tensor in softmax.items()}

    @tf.function
    def ratio(step: tf.Tensor) -> tf.Tensor:  # exp(loss) = partition function / exp(logit of the target)
        return tf.exp(sampled_softmax_loss(**one, sampler=sampler, seed=tf.stack([0, step])))

    estimates = np.array([ratio(tf.constant(step)) for step in range(count)])
    exact = np.exp(full_softmax_loss(**one))
    assert abs(estimates.mean() - exact) < 5 * estimates.std() / np.sqrt(count)


def test_the_gradient_is_the_full_one_in_expectation(softmax: dict[str, tf.Tensor]) -> None:
    sampler = LogUniformSampler(80, 48)
    names = ("hidden", "embedding", "bias")

    @tf.function
    def gradients(step: tf.Tensor | None) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([softmax[name] for name in names])
            if step is None:
                loss = full_softmax_loss(**softmax)
            else:
                loss = sampled_softmax_loss(**softmax, sampler=sampler, seed=tf.stack([1, step]))
        return [tf.convert_to_tensor(part) for part in tape.gradient(loss, [softmax[name] for name in names])]

    means = [np.mean(parts, axis=0) for parts in zip(*(gradients(tf.constant(i)) for i in range(600)), strict=True)]
    for mean, exact in zip(means, gradients(None), strict=True):
        assert np.linalg.norm(mean - exact) < 0.05 * np.linalg.norm(exact)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_name_rows(softmax: dict[str, tf.Tensor], compiled: bool) -> None:
    weights = {"embedding": tf.Variable(softmax["embedding"]), "bias": tf.Variable(softmax["bias"])}
    sampler = LogUniformSampler(80, 16)
    kinds = []

    @tf.function(jit_compile=compiled)
    def loss_and_rows(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = sampled_softmax_loss(**{**softmax, **weights}, sampler=sampler, seed=seed)
        gradients = tape.gradient(loss, list(weights.values()))
        kinds.extend(type(gradient) for gradient in gradients)
        return loss, gradients[0].values

    loss, values = loss_and_rows(tf.constant([0, 5]))
    assert {tf.IndexedSlices} == set(kinds)
    assert (12 + 16, 8) == values.shape
    assert float(full_softmax_loss(**softmax)) == pytest.approx(float(loss), rel=0.1)


def test_padding_counts_for_nothing(softmax: dict[str, tf.Tensor]) -> None:
    sampler, seed = LogUniformSampler(80, 16), tf.constant([0, 0])
    other = {**softmax, "targets": tf.concat([softmax["targets"][:-1], [0]], axis=0)}
    expected = sampled_softmax_loss(**softmax, sampler=sampler, seed=seed)
    assert expected == sampled_softmax_loss(**other, sampler=sampler, seed=seed)
