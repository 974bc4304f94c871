"""What counting words comes to: an interpolated modified Kneser-Ney model of WikiText-2, for the table of the zoo.

    python tests/benchmarks/kneser_ney.py --order 5

Source: Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 4.
"""

import argparse
import json
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
from rnnzoo.tuning.training_config import TrainingConfig

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# An n-gram's key is a sum of its words, each times the number of its place: of 2e6 n-grams hardly ever two are alike.
_PLACES = np.random.default_rng(0).integers(1, 2**64, size=16, dtype=np.uint64)


@dataclass(frozen=True)
class Level:
    """The n-grams of one order: how often each was counted, and what its context leaves to the lower order."""

    order: int
    grams: Keys
    counts: npt.NDArray[np.int64]
    discounts: Floats  # of a count of 0, 1, 2, 3 and more
    contexts: Keys
    totals: Floats
    left_over: Floats

    def mix(self, words: npt.NDArray[np.int64], lower: Floats) -> Floats:
        """The probability of each word after those before it, given that of the order below."""
        keys, contexts = _keys(words, self.order), _contexts(words, self.order)
        gram, seen = _find(self.grams, keys)
        counts = np.where(seen, self.counts[gram], 0)
        place, known = _find(self.contexts, contexts)
        own = np.maximum(counts - self.discounts[np.minimum(counts, 3)], 0)
        return np.where(known, (own + self.left_over[place] * lower) / self.totals[place], lower)


def kneser_ney(words: npt.NDArray[np.int64], order: int) -> list[Level]:
    """The levels of a model, the lowest first. The highest counts occurrences, the others distinct words in front."""
    levels = []
    ends = np.arange(len(words))
    for size in range(order, 0, -1):
        grams, first, counts = np.unique(_keys(words, size)[ends], return_index=True, return_counts=True)
        ends = ends[first]
        with_count = [int((counts == count).sum()) for count in range(1, 5)]
        rare = with_count[0] / (with_count[0] + 2 * with_count[1])
        discounts = np.array([0.0, *(n - (n + 1) * rare * with_count[n] / with_count[n - 1] for n in (1, 2, 3))])
        contexts, inverse = np.unique(_contexts(words, size)[ends], return_inverse=True)
        totals = np.bincount(inverse, counts)
        left_over = np.bincount(inverse, discounts[np.minimum(counts, 3)])
        levels.append(Level(size, grams, counts, discounts, contexts, totals, left_over))
    return levels[::-1]


def perplexity(levels: list[Level], words: npt.NDArray[np.int64], vocabulary_size: int) -> float:
    """Of a text, each word given the order − 1 before it."""
    probabilities = np.full(len(words), 1 / vocabulary_size)
    for level in levels:
        probabilities = level.mix(words, probabilities)
    return math.exp(-np.log(probabilities).mean())


def _keys(words: npt.NDArray[np.int64], order: int) -> Keys:
    """The key of the n-gram that ends at each place; what lies before the text counts as `<eos>`."""
    padded = np.concatenate([np.ones(order - 1, np.int64), words]).astype(np.uint64) + np.uint64(1)
    shifted = (padded[order - 1 - back : len(padded) - back] * _PLACES[back] for back in range(order))
    return np.sum(np.stack(list(shifted)), axis=0, dtype=np.uint64)


def _contexts(words: npt.NDArray[np.int64], order: int) -> Keys:
    return _keys(words, order) - (words.astype(np.uint64) + np.uint64(1)) * _PLACES[0]


def _find(known: Keys, keys: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return place, known[place] == keys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--order", type=int, default=5)
    order = parser.parse_args().order
    corpus = prepare_corpus(TrainingConfig(corpus="wikitext-2"))
    levels = kneser_ney(np.array(corpus.train, np.int64), order)
    figures = {
        split: round(perplexity(levels, np.array(getattr(corpus, split), np.int64), len(corpus.vocabulary)), 1)
        for split in ("valid", "test")
    }
    print(json.dumps({"order": order, **figures}))


if __name__ == "__main__":
    main()
