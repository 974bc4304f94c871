"""A corpus ready to be learnt: its vocabulary and the token ids of its three splits."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnzoo.models.preset_files import preset_vocabulary
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.corpora.cache_folder import cache_folder
from rnnzoo.tuning.corpora.catalog import open_corpus
from rnnzoo.tuning.corpora.corpus import SPLITS
from rnnzoo.tuning.corpora.token_files import tokens
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["PreparedCorpus", "prepare_corpus", "token_cache"]

Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PreparedCorpus:
    """What training reads.

    Attributes:
        vocabulary: the words that the network will know.
        train, valid, test: the token ids of the splits, each a read-only memory map (tokens,).
    """

    vocabulary: Vocabulary
    train: Tokens
    valid: Tokens
    test: Tokens

    @property
    def loss_bound(self) -> float:
        """Twice the loss of guessing each of the V words with equal probability, 2 ln V: what is above it diverged."""
        return 2 * math.log(len(self.vocabulary))

    def facts(self) -> dict[str, Any]:
        """What it is, small enough to be kept: equal facts mean the same words in the same order."""
        digest = hashlib.sha256("\0".join(self.vocabulary.words).encode())
        for split in (self.train, self.valid, self.test):
            digest.update(np.ascontiguousarray(split).data)
        return {
            "words": len(self.vocabulary),
            "train_tokens": len(self.train),
            "valid_tokens": len(self.valid),
            "test_tokens": len(self.test),
            "sha256": digest.hexdigest(),
        }


def prepare_corpus(training: TrainingConfig) -> PreparedCorpus:
    """Open the corpus of a training configuration, build its vocabulary, or take a preset's, and its token ids.

    The ids are written to `token_cache()` once, and found there by every later run.

    Raises:
        ValueError: if a split is too short for a window and for one token per row.
    """
    corpus = open_corpus(training.corpus, **training.corpus_options)
    if training.from_preset is None:
        vocabulary = corpus.vocabulary(training.vocabulary_limit)
    else:
        vocabulary = preset_vocabulary(training.from_preset)
    cache, needed = token_cache(), max(training.window, training.batch_size)
    splits = {split: tokens(corpus, vocabulary, split, cache) for split in SPLITS}
    for split, ids in splits.items():
        if len(ids) < needed:
            raise ValueError(
                f"each split of a corpus must hold a window and one token per row, {needed} tokens with "
                f"window={training.window} and batch_size={training.batch_size}, but the {split} split of "
                f"{corpus.name} has {len(ids)}: give it more text, or a smaller window and batch."
            )
    return PreparedCorpus(vocabulary, **splits)


def token_cache() -> Path:
    """The folder that keeps token ids from run to run."""
    return cache_folder() / "tokens"
