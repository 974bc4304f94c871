"""Learning a text: what it gives, and when it counts as a failure."""

import math
from collections import Counter
from pathlib import Path

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.memory.text_learning import learn_text, unigram_perplexity
from rnnzoo.tuning.training_config import TrainingConfig

NETWORK = NetworkConfig(network="simple_rnn_tanh", units=16, dropout=0.0)


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingConfig:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "text.txt"
    path.write_text("the cat saw the dog and the dog saw the cat while the bird sang\n" * 200)
    return TrainingConfig(corpus=str(path), epochs=2, batch_size=4, window=10, learning_rate=0.01)


def test_a_network_that_learns(training: TrainingConfig) -> None:
    outcome = learn_text(NETWORK, training)
    assert not outcome.failed
    assert 1.0 < outcome.perplexity < unigram_perplexity(prepare_corpus(training)) / 2
    assert outcome.half_life > 0


def test_a_network_that_learns_nothing_has_failed(training: TrainingConfig) -> None:
    still = TrainingConfig(**{**training.as_dict(), "optimizer": "sgd", "learning_rate": 1e-12, "epochs": 1})
    outcome = learn_text(NETWORK, still)
    assert outcome.failed
    assert math.isfinite(outcome.perplexity)


def test_a_training_that_diverges_has_failed(training: TrainingConfig) -> None:
    options = {"optimizer": "sgd", "learning_rate": 1e30, "global_clipnorm": None, "schedule": "constant"}
    outcome = learn_text(
        NetworkConfig(network="simple_rnn_relu", units=16, dropout=0.0),
        TrainingConfig(**{**training.as_dict(), **options}),
    )
    assert outcome.failed
    assert math.isinf(outcome.perplexity)


def test_unigram_perplexity_by_hand(training: TrainingConfig) -> None:
    corpus = prepare_corpus(training)
    counts = Counter(corpus.train.tolist())
    total = len(corpus.train) + len(corpus.vocabulary)
    nats = [-math.log((counts[token] + 1) / total) for token in corpus.valid.tolist()]
    assert unigram_perplexity(corpus) == pytest.approx(math.exp(sum(nats) / len(nats)))
