"""Draws against the distributions that they must follow."""

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.sampler import Sampler, check_max_words
from rnnzoo.models.sampling import draw

PROBABILITIES = np.array([0.1, 0.4, 0.05, 0.3, 0.15], np.float32)
ROWS = 4000


def drawn(sampler: Sampler, rows: int = ROWS, seed: int = 0) -> np.ndarray:
    """The share of each word in many independent draws."""
    ids = tf.function(draw)(
        tf.tile(tf.math.log(PROBABILITIES)[tf.newaxis], (rows, 1)),
        tf.fill((rows,), float(sampler.temperature)),
        tf.fill((rows,), sampler.top_k),
        tf.fill((rows,), float(sampler.top_p)),
        tf.stack([tf.fill((rows,), seed), tf.range(rows)], axis=-1),
    )
    return np.bincount(ids, minlength=len(PROBABILITIES)) / rows


def renormalized(kept: list[int]) -> np.ndarray:
    expected = np.zeros_like(PROBABILITIES)
    expected[kept] = PROBABILITIES[kept]
    return expected / expected.sum()


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (Sampler(), PROBABILITIES),
        (Sampler(temperature=0.5), PROBABILITIES**2 / np.sum(PROBABILITIES**2)),
        (Sampler(top_k=2), renormalized([1, 3])),
        (Sampler(top_k=50), PROBABILITIES),
        (Sampler(top_p=0.71), renormalized([1, 3, 4])),  # 0.4 + 0.3 hold less than 0.71: a third word belongs to it
        (Sampler(top_p=0.01), renormalized([1])),
        (Sampler(top_k=3, top_p=0.5), renormalized([1, 3])),
        (Sampler(temperature=0), renormalized([1])),
    ],
)
def test_draws_follow_the_distribution(sampler: Sampler, expected: np.ndarray) -> None:
    # Five standard deviations of a share out of so many draws.
    tolerance = 5 * np.sqrt(expected * (1 - expected) / ROWS) + 1e-9
    assert np.all(np.abs(drawn(sampler) - expected) <= tolerance)


def test_a_row_draws_the_same_alone_and_beside_others() -> None:
    logits = tf.random.stateless_normal((3, 50), seed=(1, 2))
    controls = (tf.constant([1.0, 0.7, 2.0]), tf.constant([0, 5, 50]), tf.constant([1.0, 0.9, 0.5]))
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])
    together = draw(logits, *controls, seeds)
    for row in range(3):
        part = slice(row, row + 1)
        alone = draw(logits[part], *(control[part] for control in controls), seeds[part])
        assert together[row] == alone[0]


def test_top_p_of_one_cuts_nothing() -> None:
    """The rounded sum of these probabilities is 1 before the last 534 words, one of which the seed draws."""
    words, seed = 300_000, (111, 0)
    logits = tf.constant(np.linspace(0, -0.01, words), tf.float32)
    noise = -tf.math.log(-tf.math.log(tf.random.stateless_uniform((words,), seed, minval=1e-20)))
    one = tf.ones(1)
    assert [np.argmax(logits + noise)] == draw(logits[tf.newaxis], one, tf.constant([0]), one, tf.constant([seed]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be at least 0 and finite, but got temperature=-0.1."),
        ({"temperature": float("nan")}, "temperature must be at least 0"),
        ({"temperature": float("inf")}, "temperature must be at least 0 and finite, but got temperature=inf."),
        ({"top_k": -1}, "top_k must be an integer from 0 to 2147483647, but got top_k=-1."),
        ({"top_k": 2.0}, "top_k must be an integer from 0 to 2147483647, but got top_k=2.0."),
        ({"top_k": True}, "top_k must be an integer from 0 to 2147483647, but got top_k=True."),
        ({"top_k": 2**31}, "top_k must be an integer from 0 to 2147483647, but got top_k=2147483648."),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, but got top_p=0.0."),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1"),
    ],
)
def test_impossible_samplers_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampler(**options)


@pytest.mark.parametrize("max_words", [0, -1, 2.5, True, 99_999_999_999])
def test_impossible_lengths_are_refused(max_words: int) -> None:
    rule = "max_words must be an integer from 1 to 2147483647"
    with pytest.raises(ValueError, match=f"{rule}, but got max_words={max_words}"):
        check_max_words(max_words)
