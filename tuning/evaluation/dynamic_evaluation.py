"""How well a language model predicts a text that it goes on learning from while it reads."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.evaluation.dynamic_options import RULES, DynamicEvaluation
from rnnzoo.tuning.evaluation.gradient_sizes import logits_and_gradients
from rnnzoo.tuning.evaluation.static_evaluation import Evaluation, likelihood_totals
from rnnzoo.tuning.evaluation.watching import Watch, watched_steps
from rnnzoo.tuning.known_ids import check_ids
from rnnzoo.tuning.losses.full_softmax import target_logits_and_ranks

__all__ = ["DECAYS", "RATE_FACTORS", "evaluate_dynamically", "tune_dynamic_evaluation"]

# The grid: of the rule's own learning rate, and of the decay.
RATE_FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
DECAYS = (0.0, 0.003, 0.01, 0.03)


def evaluate_dynamically(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    dynamics: DynamicEvaluation,
    scales: Sequence[tf.Tensor] | None = None,
    batch_size: int = 1,
    watch: Watch | None = None,
) -> Evaluation:
    """Predict each token of a text from all that stand before it, and learn from each segment once it is predicted.

    Afterwards the weights are again what they were, whatever happens. States are carried from segment to segment.

    Args:
        model: what predicts and learns.
        tokens: (tokens,) ids of the model's vocabulary, at least one segment and one per row.
        dynamics: the rule and its numbers.
        scales: from `gradient_scales`; needed by the rms rule.
        batch_size: the number of rows the text is cut into, which are read side by side and share their weights. 1 is
            the text in its order, as in the paper. Memory goes by rows × segment × V.
        watch: told after each segment how many are read.

    Raises:
        ValueError: if the rms rule has no scales, the weights are not float32, or the model does not know an id.

    >>> from rnnzoo.models import NetworkConfig, Vocabulary
    >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not", "to", "be"]])
    >>> model = LanguageModel(vocabulary, NetworkConfig(network="gru", units=8))
    >>> tokens = np.array(vocabulary.encode("to be or not " * 9), np.int32)
    >>> still, moving = (DynamicEvaluation(rule="sgd", learning_rate=rate, segment=4) for rate in (0, 1))
    >>> evaluate_dynamically(model, tokens, moving).loss < evaluate_dynamically(model, tokens, still).loss
    True
    """
    return _Reader(model, tokens, dynamics, scales, batch_size, watch).read(dynamics)


def tune_dynamic_evaluation(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    dynamics: DynamicEvaluation,
    scales: Sequence[tf.Tensor] | None = None,
    batch_size: int = 1,
    rates: Sequence[float] | None = None,
    decays: Sequence[float] = DECAYS,
    watch: Watch | None = None,
) -> DynamicEvaluation:
    """The learning rate and the decay that predict a text best; for the validation split, never for the one reported.

    Not all pairs are tried: first the rates, at the decay of `dynamics`, then, at the best rate, the decays. A rate at
    which the weights run away is the worst. Each trial reads the whole text: some 10,000 words are enough.

    Args:
        model, tokens, scales, batch_size: as for `evaluate_dynamically`.
        dynamics: the rule, and what is not tuned.
        rates: None is the rule's own learning rate times each of `RATE_FACTORS`.
        decays: none at all leaves that of `dynamics`.
        watch: told, in each trial anew, how many segments are read.

    Raises:
        ValueError: as `evaluate_dynamically`, or if a rate or a decay is out of its range.
    """
    reader = _Reader(model, tokens, dynamics, scales, batch_size, watch)
    if rates is None:
        rates = [factor * RULES[dynamics.rule] for factor in RATE_FACTORS]
    losses: dict[DynamicEvaluation, float] = {}
    for rate in rates or [dynamics.rate]:
        candidate = replace(dynamics, learning_rate=rate)
        losses[candidate] = reader.loss(candidate)
    best = min(losses, key=losses.__getitem__)
    for decay in decays:
        candidate = replace(best, decay=decay)
        if candidate not in losses:
            losses[candidate] = reader.loss(candidate)
    return min(losses, key=losses.__getitem__)


class _Reader:
    """Reads one text with any learning rate and decay; the graph is traced once."""

    def __init__(
        self,
        model: LanguageModel,
        tokens: npt.NDArray[np.integer],
        dynamics: DynamicEvaluation,
        scales: Sequence[tf.Tensor] | None,
        batch_size: int,
        watch: Watch | None,
    ) -> None:
        if dynamics.rule == "rms" and scales is None:
            raise ValueError("the rms rule must be given the scales of the gradients, but got scales=None.")
        self.model = model
        self.tokens = tokens
        self.watch = watch
        self.batches = ContiguousBatches(tokens, batch_size, dynamics.segment)
        check_ids(self.batches.tokens, len(model.vocabulary))
        self.variables = [variable.value for variable in model.trainable_variables]
        self.trained = [tf.identity(variable) for variable in self.variables]
        self.scales: list[tf.Tensor | None] = [None] * len(self.variables)
        if dynamics.rule == "rms" and scales is not None:
            if len(scales) != len(self.variables):
                raise ValueError(
                    f"scales must be one for each of the {len(self.variables)} weights, but got {len(scales)}."
                )
            self.scales = list(scales)
        self.mean_scale = np.concatenate([np.ravel(scale) for scale in scales or [0.0]]).mean()
        self.epsilon = dynamics.epsilon
        self._step = tf.function(self._predict_then_learn, autograph=False)

    def loss(self, dynamics: DynamicEvaluation) -> float:
        """In nats per word; infinite where it is no number."""
        loss = self.read(dynamics).loss
        return math.inf if math.isnan(loss) else loss

    def read(self, dynamics: DynamicEvaluation) -> Evaluation:
        totals = np.zeros(3)
        states = self.model.initial_states(self.batches.batch_size)
        rate, decay = tf.constant(dynamics.rate), tf.constant(dynamics.decay)
        with self._weights_restored():
            for step in watched_steps(len(self.batches), self.watch):
                inputs, targets, weights = (tf.constant(part) for part in self.batches[step])
                measured, states = self._step(inputs, targets, weights, states, rate, decay)
                totals += measured.numpy()
        return Evaluation.from_totals(totals, len(self.tokens))

    def _predict_then_learn(
        self,
        inputs: tf.Tensor,
        targets: tf.Tensor,
        weights: tf.Tensor,
        states: list[tf.Tensor],
        rate: tf.Tensor,
        decay: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        logits, gradients, states = logits_and_gradients(self.model, inputs, targets, weights, states)
        chosen, ranks = target_logits_and_ranks(logits, tf.reshape(targets, (-1,)))
        likelihoods = chosen - tf.reduce_logsumexp(logits, axis=-1)
        measured = likelihood_totals(likelihoods, ranks, tf.reshape(weights, (-1,)))
        for variable, gradient, trained, scale in zip(
            self.variables, gradients, self.trained, self.scales, strict=True
        ):
            step, back = rate * gradient, decay
            if scale is not None:
                step /= scale + self.epsilon
                back = tf.minimum(1.0, decay * tf.math.divide_no_nan(scale, self.mean_scale))
            variable.assign_add(back * (trained - variable) - step)
        return measured, states

    @contextmanager
    def _weights_restored(self) -> Iterator[None]:
        try:
            yield
        finally:
            for variable, trained in zip(self.variables, self.trained, strict=True):
                variable.assign(trained)
