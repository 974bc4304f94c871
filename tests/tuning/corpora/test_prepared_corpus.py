"""A corpus ready to be learnt."""

from pathlib import Path

import pytest

from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus, token_cache
from rnnzoo.tuning.training_config import TrainingConfig


def test_the_cache_is_where_the_desktop_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / ".cache" / "rnnzoo" / "tokens" == token_cache()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert tmp_path / "caches" / "rnnzoo" / "tokens" == token_cache()
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")  # which the standard says to ignore
    assert tmp_path / ".cache" / "rnnzoo" / "tokens" == token_cache()


def test_a_text_that_is_too_short_says_which_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "notes.txt").write_text("a few words\n" * 40)  # two lines of three words and an end each, at the end
    training = TrainingConfig(corpus=str(tmp_path / "notes.txt"))
    with pytest.raises(ValueError, match=r"35 tokens with .* but the valid split of notes has 8: give it more text"):
        prepare_corpus(training)
    corpus = prepare_corpus(TrainingConfig(corpus=training.corpus, window=4, batch_size=2))
    assert [8, 8] == [len(corpus.valid), len(corpus.test)]
