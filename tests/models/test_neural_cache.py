"""The neural cache against its formula, written in NumPy and float64 from the paper, a position at a time."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import LanguageModel, NetworkConfig, NeuralCache, Vocabulary
from rnnzoo.models.cached_words import CachedWords, mix_logits, position_weights

BATCH, TIME, FEATURES, WORDS = 3, 12, 4, 9
VOCABULARY = Vocabulary(["<unk>", "<eos>", *"abcdefg"])
TEXTS = ["a b c a b d e f a b c a b", "", "g g g g", "b zebra a b"]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def formula(hidden: np.ndarray, next_words: np.ndarray, logits: np.ndarray, cache: NeuralCache) -> np.ndarray:
    """The probability of each word after each position of one row, (time, V)."""
    probabilities = softmax(np.float64(logits))
    for now in range(1, len(hidden)):
        past = range(max(0, now - cache.size), now)
        scores = {
            place: np.exp(cache.sharpness * np.float64(hidden[now]) @ np.float64(hidden[place])) for place in past
        }
        cached = np.zeros(probabilities.shape[1])
        for place, score in scores.items():
            cached[next_words[place]] += score / sum(scores.values())
        probabilities[now] = (1 - cache.share) * probabilities[now] + cache.share * cached
    return probabilities


@pytest.fixture(scope="module")
def read() -> dict[str, np.ndarray]:
    """What a network may have made of a text."""
    draw = np.random.default_rng(5)
    return {
        "hidden": draw.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32),
        "next_words": draw.integers(0, WORDS, size=(BATCH, TIME)).astype(np.int32),
        "logits": draw.normal(size=(BATCH, TIME, WORDS)).astype(np.float32),
    }


def in_windows(read: dict[str, np.ndarray], cache: NeuralCache, window: int) -> np.ndarray:
    """The probabilities, (batch, time, V), as they come out of windows that hand on their cache."""
    remembered = CachedWords.empty(BATCH, cache.size, FEATURES)
    parts = []
    for start in range(0, TIME, window):
        hidden, next_words, logits = (part[:, start : start + window] for part in read.values())
        longer = remembered.followed_by(tf.constant(hidden), tf.constant(next_words))
        weights = position_weights(*longer.similarities(window), cache.sharpness)
        words = tf.repeat(longer.words[:, tf.newaxis], window, axis=1)
        flat = tf.reshape(logits, (-1, WORDS))
        log_partitions = tf.reduce_logsumexp(flat, axis=-1, keepdims=True)
        rows = (tf.reshape(part, (BATCH * window, -1)) for part in (weights, words))
        mixed = mix_logits(flat, log_partitions, *rows, cache.share)
        parts.append(tf.reshape(tf.exp(mixed - log_partitions), (BATCH, window, WORDS)))
        remembered = longer.last(cache.size)
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("window", [1, 3, 4, TIME])
@pytest.mark.parametrize("size", [1, 5, 100])
def test_windows_of_any_length_give_the_formula(read: dict[str, np.ndarray], size: int, window: int) -> None:
    cache = NeuralCache(size=size, sharpness=0.7, share=0.3)
    expected = np.stack([formula(*row, cache) for row in zip(*read.values(), strict=True)])
    actual = in_windows(read, cache, window)
    np.testing.assert_allclose(expected, actual, rtol=2e-5)
    np.testing.assert_allclose(1.0, actual.sum(axis=-1), rtol=1e-5)


def test_a_share_of_0_changes_no_bit(read: dict[str, np.ndarray]) -> None:
    logits = tf.constant(read["logits"][0])
    log_partitions = tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
    words = tf.repeat(tf.constant(read["next_words"][:1]), TIME, axis=0)
    mixed = mix_logits(logits, log_partitions, tf.fill((TIME, TIME), 1 / TIME), words, 0.0)
    np.testing.assert_array_equal(logits, mixed)


def test_a_share_of_1_leaves_the_cache_alone(read: dict[str, np.ndarray]) -> None:
    probabilities = in_windows(read, NeuralCache(size=4, share=1.0), window=3)
    np.testing.assert_allclose(softmax(read["logits"][:, 0]), probabilities[:, 0], rtol=1e-5)  # nothing is cached yet
    for row, words in zip(probabilities, read["next_words"], strict=True):
        for now in range(1, TIME):
            assert set(words[max(0, now - 4) : now]) == set(np.flatnonzero(row[now]))


def test_a_sharpness_of_0_counts_words(read: dict[str, np.ndarray]) -> None:
    probabilities = in_windows(read, NeuralCache(size=TIME, sharpness=0.0, share=1.0), window=TIME)
    counts = np.bincount(read["next_words"][0, :-1], minlength=WORDS)
    np.testing.assert_allclose(counts / (TIME - 1), probabilities[0, -1], rtol=1e-5)


def test_large_similarities_do_not_overflow() -> None:
    weights = position_weights(tf.constant([[1e6, -1e6, 1e6]]), tf.constant([[True, True, True]]), 1e3)
    assert [[0.5, 0.0, 0.5]] == weights.numpy().tolist()


@pytest.fixture(scope="module", params=["gru", "skip_update_lstm"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    keras.utils.set_random_seed(3)
    model = LanguageModel(VOCABULARY, NetworkConfig(network=request.param, units=5, layers=2))
    for weight in model.trainable_variables:
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.7))
    return model


def expected_probabilities(model: LanguageModel, text: str, cache: NeuralCache) -> np.ndarray:
    """After each word of a text, and first before any."""
    ids = np.array([VOCABULARY.end_id, *VOCABULARY.encode(text)])
    hidden, _ = model.encode(tf.constant(ids[np.newaxis]))
    return formula(hidden[0].numpy(), ids[1:], model.logits(hidden)[0].numpy(), cache)


@pytest.mark.parametrize("size", [2, 50])
def test_suggestions_and_scores_are_the_formula(model: LanguageModel, size: int) -> None:
    cache = NeuralCache(size=size, sharpness=0.4, share=0.6)
    answers = zip(TEXTS, model.predict_next(TEXTS, top_k=8, cache=cache), model.score(TEXTS, cache=cache), strict=True)
    for text, suggestions, score in answers:
        probabilities = expected_probabilities(model, text, cache)
        expected = dict(zip(VOCABULARY.words, probabilities[-1], strict=True))
        assert {*VOCABULARY.words} - {"<unk>"} == {entry.word for entry in suggestions}
        for entry in suggestions:
            assert expected[entry.word] == pytest.approx(entry.probability, rel=1e-4)
        falling = [entry.probability for entry in suggestions]
        assert sorted(falling, reverse=True) == falling
        ids = VOCABULARY.encode(text)
        np.testing.assert_allclose(
            np.log(probabilities[range(len(ids)), ids]), score.log_probabilities, rtol=1e-4, atol=1e-5
        )


def test_without_a_share_the_answers_are_those_without_a_cache(model: LanguageModel) -> None:
    none = NeuralCache(share=0.0)
    assert model.score(TEXTS) == model.score(TEXTS, cache=none)
    for left, right in zip(model.predict_next(TEXTS), model.predict_next(TEXTS, cache=none), strict=True):
        assert [entry.word for entry in left] == [entry.word for entry in right]
        assert [entry.probability for entry in left] == pytest.approx([entry.probability for entry in right])


def test_words_of_the_text_come_again(model: LanguageModel) -> None:
    text = "g g g g"
    ranks = [
        [entry.word for entry in model.predict_next(text, top_k=8, cache=cache)[0]].index("g")
        for cache in (None, NeuralCache(share=0.9))
    ]
    assert ranks[1] == 0 <= ranks[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "size must be a positive integer, but got size=0"),
        ({"size": True}, "size must be a positive integer, but got size=True"),
        ({"sharpness": -0.1}, "sharpness must be at least 0 and finite, but got sharpness=-0.1"),
        ({"sharpness": float("nan")}, "sharpness must be at least 0 and finite"),
        ({"share": 1.01}, "share must be from 0 to 1, but got share=1.01"),
        ({"share": "a"}, "share must be from 0 to 1, but got share='a'"),
        ({"share": -1}, "share must be from 0 to 1, but got share=-1"),
    ],
)
def test_mistakes(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NeuralCache(**values)


def test_one_graph_serves_all_caches(model: LanguageModel) -> None:
    model.score("to be", cache=NeuralCache(share=0.5))
    count = len(model._graphs)
    scores = {model.score("to be or to be", cache=NeuralCache(share=share))[0].total for share in (0.1, 0.3, 1)}
    assert 3 == len(scores)
    assert count == len(model._graphs)
