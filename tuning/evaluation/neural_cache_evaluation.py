"""How well a language model predicts a text with a neural cache of what it has just read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.cached_words import CachedWords, add_log_probabilities, mix_logits, position_weights
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.neural_cache import NeuralCache
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.evaluation.static_evaluation import Evaluation, likelihood_totals
from rnnzoo.tuning.evaluation.watching import Watch, watched_steps
from rnnzoo.tuning.known_ids import check_ids
from rnnzoo.tuning.losses.full_softmax import map_slices, target_logits_and_ranks

__all__ = ["SHARES", "SHARPNESSES", "CachedEvaluation", "evaluate_with_cache", "tune_neural_cache"]

# The grid of the paper's two numbers. Sharpness goes by factors of two because hidden states differ in length from
# network to network; one pass over a text measures all of the grid.
SHARPNESSES = tuple(0.01 * 2**power for power in range(10))
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


@dataclass(frozen=True, kw_only=True)
class CachedEvaluation:
    """What a language model makes of a text without a neural cache and with one.

    Attributes:
        static: what `evaluate` says.
        cached: the same measures of the mixture with the cache.
    """

    static: Evaluation
    cached: Evaluation


def evaluate_with_cache(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    cache: NeuralCache,
    batch_size: int = 20,
    window: int = 35,
    watch: Watch | None = None,
) -> CachedEvaluation:
    """Predict each token of a text from all that stand before it in its row, and from the cache of its row.

    As in `evaluate`, the text is cut into `batch_size` rows that are read side by side. Each row has a cache of its
    own, of its own past, empty at the row's beginning: fewer rows have fewer such beginnings. Every token's cache holds
    the `cache.size` words before it, whatever the window is. No word is in the cache before it was predicted.

    Args:
        model: what predicts.
        tokens: (tokens,) ids of the model's vocabulary, at least one window and one per row.
        cache: its size, its sharpness and its share of the mixture.
        batch_size: the number of rows. Memory grows with rows × cache size × features: 32 MB at 200 features and the
            defaults.
        window: how many words of each row are read at once; it changes time and memory, not the result.
        watch: told after each window how many are read.

    Returns:
        Both evaluations, from one pass.

    >>> from rnnzoo.models import NetworkConfig, Vocabulary
    >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not", "to", "be"]])
    >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
    >>> tokens = np.array(vocabulary.encode("to be or not " * 9), np.int32)
    >>> result = evaluate_with_cache(model, tokens, NeuralCache(size=8, share=0.5), batch_size=1, window=9)
    >>> result.cached.perplexity < result.static.perplexity
    True
    """

    def measure(hidden: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, words: tf.Tensor) -> tuple[tf.Tensor, ...]:
        logits = model.logits(hidden)
        log_partitions = tf.reduce_logsumexp(logits, axis=-1)
        static, static_ranks = target_logits_and_ranks(logits, targets)
        mixed = mix_logits(logits, log_partitions[:, tf.newaxis], weights, words, cache.share)
        cached, cached_ranks = target_logits_and_ranks(mixed, targets)
        return static - log_partitions, static_ranks, cached - log_partitions, cached_ranks

    @tf.function(autograph=False)
    def read(part: _Window) -> tf.Tensor:
        similarities, allowed = part.cache.similarities(window)
        weights = position_weights(similarities, allowed, cache.sharpness)
        operands = (_flat(part.hidden), _flat(part.targets), _flat(weights), _flat(part.words_beside(weights)))
        dtypes = (tf.float32, tf.int32, tf.float32, tf.int32)
        static, static_ranks, cached, cached_ranks = map_slices(measure, operands, dtypes, len(model.vocabulary))
        counted = _flat(part.counted)
        return tf.stack(
            [likelihood_totals(static, static_ranks, counted), likelihood_totals(cached, cached_ranks, counted)]
        )

    totals = sum(read(part).numpy() for part in _windows(model, tokens, cache.size, batch_size, window, watch))
    static, cached = (Evaluation.from_totals(row, len(tokens)) for row in totals)
    return CachedEvaluation(static=static, cached=cached)


def tune_neural_cache(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    size: int = 2000,
    batch_size: int = 20,
    window: int = 35,
    sharpnesses: Sequence[float] = SHARPNESSES,
    shares: Sequence[float] = SHARES,
    watch: Watch | None = None,
) -> NeuralCache:
    """The cache of a grid that predicts a text best; for the validation split, never for the text to be reported.

    One pass, which takes about as long as `evaluate_with_cache`, measures the whole grid.

    Args:
        model, tokens, batch_size, window, watch: as for `evaluate_with_cache`.
        size: how many past words the cache remembers.
        sharpnesses, shares: the grid.

    Raises:
        ValueError: if the grid is empty or a value in it is out of its range, or the model does not know an id.
    """
    grid = [[NeuralCache(size=size, sharpness=sharpness, share=share) for share in shares] for sharpness in sharpnesses]
    if not any(grid):
        raise ValueError(f"the grid must hold a sharpness and a share, but got {sharpnesses=} and {shares=}.")

    def measure(hidden: tf.Tensor, targets: tf.Tensor) -> list[tf.Tensor]:
        return [-tf.nn.sparse_softmax_cross_entropy_with_logits(targets, model.logits(hidden))]

    @tf.function(autograph=False)
    def read(part: _Window) -> tf.Tensor:
        operands = (_flat(part.hidden), _flat(part.targets))
        (static,) = map_slices(measure, operands, [tf.float32], len(model.vocabulary))
        similarities, allowed = part.cache.similarities(window)
        hits = part.cache.words[:, tf.newaxis] == part.targets[..., tf.newaxis]  # (batch, window, positions)
        nats = []
        for sharpness in sharpnesses:
            weights = position_weights(similarities, allowed, sharpness)
            cached = tf.math.log(_flat(tf.reduce_sum(tf.where(hits, weights, 0.0), axis=-1)))
            is_filled = _flat(tf.reduce_any(allowed, axis=-1))
            for share in shares:
                mixed = tf.cast(add_log_probabilities(static, cached, is_filled, share), tf.float64)
                nats.append(-tf.reduce_sum(mixed * tf.cast(_flat(part.counted), tf.float64)))
        return tf.reshape(tf.stack(nats), (len(sharpnesses), len(shares)))

    nats = sum(read(part).numpy() for part in _windows(model, tokens, size, batch_size, window, watch))
    best = np.unravel_index(np.argmin(np.where(np.isnan(nats), np.inf, nats)), np.shape(nats))
    return grid[best[0]][best[1]]


class _Window(NamedTuple):
    """A window of all rows, and their caches with the window's own words at the end."""

    hidden: tf.Tensor  # (batch, window, features)
    targets: tf.Tensor  # (batch, window)
    counted: tf.Tensor  # (batch, window) 0 for padding
    cache: CachedWords

    def words_beside(self, weights: tf.Tensor) -> tf.Tensor:
        """The word that each of the weights (batch, window, positions) is for."""
        return tf.broadcast_to(self.cache.words[:, tf.newaxis], tf.shape(weights))


def _windows(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    size: int,
    batch_size: int,
    window: int,
    watch: Watch | None,
) -> Iterator[_Window]:
    batches = ContiguousBatches(tokens, batch_size, window)
    check_ids(batches.tokens, len(model.vocabulary))

    @tf.function(autograph=False)
    def encode(inputs: tf.Tensor, states: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        hidden, states = model.encode(inputs, states)
        return tf.cast(hidden, tf.float32), states

    states = model.initial_states(batch_size)
    cache = CachedWords.empty(batch_size, size, model.config.embedding_size)
    for step in watched_steps(len(batches), watch):
        inputs, targets, counted = (tf.constant(part) for part in batches[step])
        hidden, states = encode(inputs, states)
        longer = cache.followed_by(hidden, targets)
        yield _Window(hidden, targets, counted, longer)
        cache = longer.last(size)


def _flat(tensor: tf.Tensor) -> tf.Tensor:
    """(batch, window, ...) → (tokens, ...)."""
    return tf.reshape(tensor, (-1, *tensor.shape[2:]))
