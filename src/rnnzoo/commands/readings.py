"""What a network makes of a text, one way of reading after the other, each told as soon as it is known."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.neural_cache import NeuralCache
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.corpora.corpus import SPLITS, Corpus
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus, token_cache
from rnnzoo.tuning.corpora.token_files import tokens
from rnnzoo.tuning.evaluation.dynamic_evaluation import DECAYS, evaluate_dynamically, tune_dynamic_evaluation
from rnnzoo.tuning.evaluation.dynamic_options import DynamicEvaluation
from rnnzoo.tuning.evaluation.gradient_sizes import gradient_scales
from rnnzoo.tuning.evaluation.neural_cache_evaluation import SHARES, SHARPNESSES, evaluate_with_cache, tune_neural_cache
from rnnzoo.tuning.evaluation.reading_bar import reading_bar
from rnnzoo.tuning.evaluation.static_evaluation import Evaluation, evaluate
from rnnzoo.tuning.evaluation.watching import Watch
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["MeasuredText", "Reading", "readings"]

# Each trial of a dynamic evaluation's numbers reads so many words of the validation split.
_TUNING_TOKENS = 10_000


@dataclass(frozen=True)
class Reading:
    """What one way of reading came to: a line for people, figures for programs."""

    line: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class MeasuredText:
    """A split of a corpus, and the network that reads it.

    Attributes:
        corpus: where the text comes from.
        model: what reads.
        training: how the text is cut, and the corpus's name.
        split: which part of the corpus is to be measured.
    """

    corpus: Corpus
    model: LanguageModel
    training: TrainingConfig
    split: str

    @property
    def sizes(self) -> tuple[int, int]:
        return self.training.batch_size, self.training.window

    def read(self, split: str | None = None) -> npt.NDArray[np.int32]:
        """The token ids of a split, the measured one by default."""
        return tokens(self.corpus, self.model.vocabulary, split or self.split, token_cache())

    def differs_from(self, facts: Mapping[str, Any]) -> bool:
        """Whether the corpus is another one than that of the facts that a run wrote down."""
        if "sha256" not in facts:
            return False
        if len(self.read()) != facts.get(f"{self.split}_tokens"):  # without reading the others, which may be long
            return True
        return PreparedCorpus(self.model.vocabulary, *map(self.read, SPLITS)).facts() != facts


def readings(
    text: MeasuredText,
    cache: NeuralCache | None = None,
    dynamics: DynamicEvaluation | None = None,
    tuned: Collection[str] = (),
) -> Iterator[Reading]:
    """Read as the network is; then with a cache, and learning on, where these are given.

    Args:
        text: what is read, and by whom.
        cache: a neural cache.
        dynamics: how the network goes on learning.
        tuned: which of "sharpness", "share", "rate" and "decay" are chosen on the validation split.
    """
    token_ids = text.read()
    if dynamics is not None:
        ContiguousBatches(token_ids, 1, dynamics.segment)  # a segment that is too long is refused before all reading
    with _bar("reading") as watch:
        static = evaluate(text.model, token_ids, *text.sizes, watch=watch)
    words = len(text.model.vocabulary)
    yield Reading(
        f"{text.training.corpus}, {text.split}, {static.tokens:,} tokens, {words:,} words known: {_told(static)}",
        static.as_dict(),
    )
    if cache is not None:
        yield _with_cache(text, cache, tuned)
    if dynamics is not None:
        yield _learning(text, dynamics, tuned)


def _with_cache(text: MeasuredText, cache: NeuralCache, tuned: Collection[str]) -> Reading:
    if {"sharpness", "share"} & set(tuned):
        grid = (
            SHARPNESSES if "sharpness" in tuned else [cache.sharpness],
            SHARES if "share" in tuned else [cache.share],
        )
        with _bar("choosing the cache's numbers") as watch:
            cache = tune_neural_cache(text.model, text.read("valid"), cache.size, *text.sizes, *grid, watch)
    with _bar("reading with a cache") as watch:
        cached = evaluate_with_cache(text.model, text.read(), cache, *text.sizes, watch).cached
    return Reading(
        f"with a neural cache of {cache.size:,} words (sharpness {cache.sharpness:g}, share {cache.share:g}): "
        f"{_told(cached)}",
        {"neural_cache": {**asdict(cache), **cached.as_dict()}},
    )


def _learning(text: MeasuredText, dynamics: DynamicEvaluation, tuned: Collection[str]) -> Reading:
    scales = None
    if dynamics.rule == "rms":
        with _bar("measuring gradients") as watch:
            scales = gradient_scales(text.model, text.read("train"), watch=watch)
    if {"rate", "decay"} & set(tuned):
        rates = None if "rate" in tuned else [dynamics.rate]
        decays = DECAYS if "decay" in tuned else []
        valid = text.read("valid")[:_TUNING_TOKENS]
        with _bar("choosing rate and decay") as watch:
            dynamics = tune_dynamic_evaluation(
                text.model, valid, dynamics, scales, rates=rates, decays=decays, watch=watch
            )
    with _bar("learning while reading") as watch:
        moving = evaluate_dynamically(text.model, text.read(), dynamics, scales, watch=watch)
    return Reading(
        f"learning as it reads ({dynamics.rule}, learning rate {dynamics.rate:g}, decay {dynamics.decay:g}, "
        f"a step every {dynamics.segment} words): {_told(moving)}",
        {"dynamic": {**asdict(dynamics), "learning_rate": dynamics.rate, **moving.as_dict()}},
    )


def _bar(description: str) -> AbstractContextManager[Watch]:
    return reading_bar(description, Console(stderr=True))


def _told(figures: Evaluation) -> str:
    return (
        f"perplexity {figures.perplexity:.1f}, {figures.bits_per_word:.2f} bits per word, right {figures.top1:.1%}, "
        f"among the first five {figures.top5:.1%}"
    )
