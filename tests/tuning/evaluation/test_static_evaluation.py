"""What an evaluation says follows from the loss, and the loss from every token once."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.evaluation.static_evaluation import Evaluation, evaluate, likelihood_totals

VOCABULARY = Vocabulary(["<unk>", "<eos>", *"abcdef"])


@pytest.mark.parametrize(("loss", "perplexity"), [(0.0, 1.0), (5000.0, math.inf), (math.inf, math.inf)])
def test_perplexity(loss: float, perplexity: float) -> None:
    assert perplexity == Evaluation(tokens=1, loss=loss, top1=0.0, top5=0.0).perplexity


def test_a_loss_that_is_no_number_stays_none() -> None:
    assert math.isnan(Evaluation(tokens=1, loss=math.nan, top1=0.0, top5=0.0).perplexity)


def test_an_even_guess_has_the_vocabulary_as_its_perplexity() -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="irnn", units=4))
    model.embedding.embeddings.assign(np.zeros((8, 4)))
    result = evaluate(model, np.arange(23, dtype=np.int32) % 8, batch_size=2, window=5, jit_compile=False)
    assert (23, 8.0, 3.0) == (result.tokens, pytest.approx(result.perplexity), pytest.approx(result.bits_per_word))
    assert (3 / 23, 15 / 23) == (pytest.approx(result.top1), pytest.approx(result.top5))


def test_who_watches_is_told_of_every_window() -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="irnn", units=4))
    told: list[tuple[int, int]] = []
    tokens = np.arange(23, dtype=np.int32) % 8
    evaluate(model, tokens, batch_size=2, window=5, jit_compile=False, watch=lambda *steps: told.append(steps))
    assert [(1, 3), (2, 3), (3, 3)] == told


def test_padding_counts_nothing_however_unlikely() -> None:
    likelihoods, weights = tf.constant([-1.0, -math.inf]), tf.constant([1.0, 0.0])
    assert [1.0, 1.0, 1.0] == likelihood_totals(likelihoods, tf.constant([0, 9]), weights).numpy().tolist()


def test_one_row_is_the_score_of_the_text() -> None:
    keras.utils.set_random_seed(1)
    model = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=4))
    text = "a b c d e f a b c"
    tokens = np.array(VOCABULARY.encode(text), np.int32)
    result = evaluate(model, tokens, batch_size=1, window=4, jit_compile=True)
    assert -model.score(text)[0].total == pytest.approx(result.loss * result.tokens, rel=1e-5)


def test_a_text_shorter_than_a_window_is_refused() -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="irnn", units=4))
    with pytest.raises(ValueError, match="at least one window"):
        evaluate(model, np.zeros(5, np.int32))


def test_a_text_may_be_a_list_and_holds_known_words_alone() -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="irnn", units=4))
    assert 9 == evaluate(model, [2, 3, 4] * 3, batch_size=1, window=4, jit_compile=False).tokens
    with pytest.raises(ValueError, match="tokens must be ids from 0 to 7, the model's words, but got ids from 2 to 8"):
        evaluate(model, [2, 8] * 20)
