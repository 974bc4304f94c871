"""Training goes on from a preset: its words, its weights, on another text."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.training import train
from rnnzoo.tuning.training_config import TrainingConfig

WORDS = ["the", "cat", "saw", "the", "dog", "and", "the", "dog", "saw", "the", "cat", "while", "the", "bird", "sang"]
NETWORK = NetworkConfig(network="gru", units=8, dropout=0.1)


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    LanguageModel(Vocabulary.from_lines([WORDS]), NETWORK).save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


@pytest.fixture
def training(tmp_path: Path, preset: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingConfig:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "notes.txt").write_text("the cat chased the mouse while the dog sang\n" * 100)
    return TrainingConfig(
        corpus=str(tmp_path / "notes.txt"), from_preset=str(preset), epochs=1, batch_size=4, window=10
    )


def test_it_begins_with_the_presets_weights_and_another_dropout(preset: Path, training: TrainingConfig) -> None:
    vocabulary = prepare_corpus(training).vocabulary
    trainer = make_trainer(replace(NETWORK, dropout=0.5), training, vocabulary)
    learnt = LanguageModel.from_preset(preset)
    assert 0.5 == trainer.language_model.config.dropout
    for own, other in zip(trainer.language_model.weights, learnt.weights, strict=True):
        np.testing.assert_array_equal(other, own)


def test_the_words_are_the_presets_and_others_are_unknown(preset: Path, training: TrainingConfig) -> None:
    corpus = prepare_corpus(training)
    assert LanguageModel.from_preset(preset).vocabulary.words == corpus.vocabulary.words
    assert "mouse" not in corpus.vocabulary.words
    assert corpus.vocabulary.unknown_id in corpus.train


def test_a_run_from_a_preset_learns_and_is_resumed(training: TrainingConfig, tmp_path: Path) -> None:
    run = train(NETWORK, training, tmp_path / "run", verbose=False)
    before = LanguageModel.from_preset(training.from_preset or "")
    after = LanguageModel.from_preset(run.model)
    text = "the dog sang"
    assert after.score(text)[0].total > before.score(text)[0].total
    train(NETWORK, training, run, resume=True, verbose=False)


def test_a_network_of_other_weights_is_refused(training: TrainingConfig) -> None:
    vocabulary = prepare_corpus(training).vocabulary
    with pytest.raises(ValueError, match=r"gru of 1 × 8, but got lstm of 1 × 8 with weights of other shapes\."):
        make_trainer(replace(NETWORK, network="lstm"), training, vocabulary)


def test_other_words_are_refused(training: TrainingConfig) -> None:
    """As many words, and so weights of the same shapes: each vector would be another word's."""
    words = ["cat" if word == "the" else "the" if word == "cat" else word for word in WORDS]
    with pytest.raises(ValueError, match=r"must know the preset's words, .*: word \d+ is 'cat', not 'the'\."):
        make_trainer(NETWORK, training, Vocabulary.from_lines([words]))


def test_a_missing_preset_is_named(training: TrainingConfig, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere is neither"):
        prepare_corpus(replace(training, from_preset=str(tmp_path / "nowhere")))


def test_a_limit_and_a_preset_exclude_each_other(training: TrainingConfig) -> None:
    with pytest.raises(ValueError, match="vocabulary_limit must be None with from_preset"):
        replace(training, vocabulary_limit=10)
