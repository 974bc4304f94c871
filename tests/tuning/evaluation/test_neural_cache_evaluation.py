"""A cached evaluation is the mean of the paper's probabilities, beside what `evaluate` says."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import LanguageModel, NetworkConfig, NeuralCache, Vocabulary
from rnnzoo.tuning import evaluate, evaluate_with_cache, tune_neural_cache

VOCABULARY = Vocabulary(["<unk>", "<eos>", *"abcdefgh"])
TOKENS = np.random.default_rng(2).choice(10, size=67, p=[0.05, 0.1, 0.3, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05])
TOKENS = TOKENS.astype(np.int32)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    keras.utils.set_random_seed(4)
    model = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=6))
    for weight in model.trainable_variables:
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.4))
    return model


def probabilities(model: LanguageModel, inputs: np.ndarray, words: np.ndarray, cache: NeuralCache) -> np.ndarray:
    """Of each word of the vocabulary in the place of each of the words, in float64, (words, V)."""
    hidden, _ = model.encode(tf.constant(inputs[np.newaxis], tf.int32))
    mixed = tf.nn.softmax(tf.cast(model.logits(hidden)[0], tf.float64)).numpy()
    hidden = np.float64(hidden[0])
    for now in range(1, len(words)):
        past = np.arange(max(0, now - cache.size), now)
        scores = np.exp(cache.sharpness * hidden[past] @ hidden[now])
        cached = np.bincount(words[past], scores / scores.sum(), minlength=mixed.shape[1])
        mixed[now] = (1 - cache.share) * mixed[now] + cache.share * cached
    return mixed


@pytest.mark.parametrize("window", [5, 9, 22])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_each_row_has_its_own_cache_however_it_is_cut(model: LanguageModel, batch_size: int, window: int) -> None:
    cache = NeuralCache(size=8, sharpness=0.5, share=0.3)
    inputs = np.concatenate([[VOCABULARY.end_id], TOKENS[:-1]])
    rows = itertools.pairwise(np.arange(batch_size + 1) * len(TOKENS) // batch_size)
    expected = np.concatenate([probabilities(model, inputs[slice(*row)], TOKENS[slice(*row)], cache) for row in rows])
    chosen = expected[np.arange(len(TOKENS)), TOKENS]
    ranks = (expected > chosen[:, np.newaxis]).sum(axis=1)

    result = evaluate_with_cache(model, TOKENS, cache, batch_size, window)
    assert -np.log(chosen).mean() == pytest.approx(result.cached.loss, rel=1e-5)
    assert (ranks < 1).mean() == pytest.approx(result.cached.top1)
    assert (ranks < 5).mean() == pytest.approx(result.cached.top5)
    static = evaluate(model, TOKENS, batch_size, window, jit_compile=False)
    assert static.as_dict() == pytest.approx(result.static.as_dict(), rel=1e-12)


def test_who_watches_is_told_of_every_window(model: LanguageModel) -> None:
    told: list[tuple[int, int]] = []
    evaluate_with_cache(model, TOKENS, NeuralCache(size=9), 2, 20, watch=lambda *steps: told.append(steps))
    count = -(-len(TOKENS) // 2 // 20)
    assert [(step + 1, count) for step in range(count)] == told


def test_a_share_of_0_is_the_static_evaluation(model: LanguageModel) -> None:
    result = evaluate_with_cache(model, TOKENS, NeuralCache(size=9, share=0.0), batch_size=2, window=7)
    assert result.static == result.cached


def test_a_share_of_1_never_expects_a_new_word(model: LanguageModel) -> None:
    result = evaluate_with_cache(model, TOKENS, NeuralCache(share=1.0), batch_size=2, window=7)
    assert math.inf == result.cached.perplexity
    assert 0 < result.cached.top5 <= 1


def test_tuning_finds_the_best_of_the_grid(model: LanguageModel) -> None:
    sharpnesses, shares = (0.0, 1.0), (0.1, 0.4, 0.7)
    grid = [NeuralCache(size=12, sharpness=sharpness, share=share) for sharpness in sharpnesses for share in shares]
    losses = [evaluate_with_cache(model, TOKENS, cache, batch_size=2, window=7).cached.loss for cache in grid]
    assert grid[int(np.argmin(losses))] == tune_neural_cache(model, TOKENS, 12, 2, 7, sharpnesses, shares)


def test_mistakes(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="at least one window"):
        evaluate_with_cache(model, TOKENS[:3], NeuralCache())
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        tune_neural_cache(model, TOKENS, shares=[2.0])
    with pytest.raises(ValueError, match="the grid must hold a sharpness and a share"):
        tune_neural_cache(model, TOKENS, shares=[])
    with pytest.raises(ValueError, match="tokens must be ids from 0 to 9, the model's words, but got ids from 2 to 10"):
        evaluate_with_cache(model, [2, 10] * 40, NeuralCache(), batch_size=1)
