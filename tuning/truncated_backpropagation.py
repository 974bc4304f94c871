"""Truncated backpropagation through time as a Keras model, so that Keras's `fit` and its callbacks drive it."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.carried_states import CarriedStates
from rnnzoo.tuning.evaluation.likelihoods import likelihoods_and_ranks
from rnnzoo.tuning.losses.word_losses import word_loss
from rnnzoo.tuning.optimization.optimizers import batches_learnt, takes_whole_rows
from rnnzoo.tuning.optimization.sparse_gradients import merge_repeated_rows
from rnnzoo.tuning.replicas import own_rows, replica_count, rows_per_replica, sum_over_replicas
from rnnzoo.tuning.runs.resumable_model import Logs, ResumableModel

__all__ = ["TruncatedBackpropagation"]

Batch = tuple[tf.Tensor, tf.Tensor, tf.Tensor]  # inputs, targets, weights: (batch, window) each


class TruncatedBackpropagation(ResumableModel):
    """Trains a language model window by window, carrying its states from each window to the next.

    Gradients flow back through one window, memory does not end there: row `r` of a batch must go on where row `r` of
    the batch before stopped, as in `ContiguousBatches`. At the start of every epoch, and of every evaluation, the
    states are the model's initial ones.

    Training logs `loss`, the mean negative log likelihood per token in nats, its `perplexity`, and what the layers
    measure. With a sampled loss these two are estimates, a little too good. Evaluation is always over the whole
    vocabulary and logs `loss`, `perplexity`, `top1` and `top5`, the shares of tokens that were the likeliest word and
    among the five likeliest.

    It is what trains, not what is kept: save `language_model`. Of Keras's callbacks all work but those that save whole
    models; `ModelCheckpoint` takes `save_weights_only=True`.

    Args:
        language_model: what learns.
        batch_size: the number of rows of each batch; the replicas of a `tf.distribute` strategy in whose scope all is
            made share them equally.
        loss: "full", "sampled" or "auto", see `word_loss`.
        samples: how many words a sampled loss draws.
        seed: of the samples; those of a batch depend on it and on the number of batches learnt before alone.
        fresh_starts: the share of rows that begin a training window from the initial states, see `TrainingConfig`.

    Example:
        >>> import numpy as np
        >>> from rnnzoo.models.architectures import NetworkConfig
        >>> from rnnzoo.models.vocabulary import Vocabulary
        >>> from rnnzoo.tuning.batches import ContiguousBatches
        >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not", "to", "be"]])
        >>> tokens = np.array(vocabulary.encode("to be or not to be or not to be or not"), np.int32)
        >>> trainer = TruncatedBackpropagation(LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8)), 2)
        >>> trainer.compile(keras.optimizers.SGD(1.0, global_clipnorm=0.25))
        >>> history = trainer.fit(ContiguousBatches(tokens, batch_size=2, window=3).dataset(), epochs=2, verbose=0)
        >>> sorted(history.history)
        ['loss', 'perplexity']
    """

    def __init__(
        self,
        language_model: LanguageModel,
        batch_size: int,
        loss: str = "auto",
        samples: int = 4096,
        seed: int = 0,
        fresh_starts: float = 0.0,
    ) -> None:
        if language_model.variable_dtype != "float32":
            raise ValueError(
                f"a language model must have float32 weights to be trained, but got {language_model.variable_dtype}."
            )
        # The model's own precision, whatever the global one is: Keras casts the states to it, and scales losses by it.
        super().__init__(name="truncated_backpropagation", dtype=language_model.dtype_policy)
        self.language_model = language_model
        self.batch_size = batch_size
        self.seed = seed
        self.fresh_starts = fresh_starts
        self.word_loss = word_loss(loss, len(language_model.vocabulary), samples, language_model.config.softmax)
        self.rows = rows_per_replica(batch_size)
        self.training_states = CarriedStates(language_model, self.rows, name="training_states")
        self.evaluation_states = CarriedStates(language_model, self.rows, name="evaluation_states")
        # float64: float32 stops counting at 16.7 million tokens.
        self.nats = keras.metrics.Mean(name="loss", dtype="float64")
        self.top1 = keras.metrics.Mean(name="top1", dtype="float64")
        self.top5 = keras.metrics.Mean(name="top5", dtype="float64")
        # A mask costs time: only what counts steps must know those that are padding.
        layers = language_model.recurrent_layers
        self._masks_padding = any(layer.cell.normalizer.counts_steps or getattr(layer, "budget", 0) for layer in layers)
        self.supports_masking = True
        self.built = True

    def call(
        self,
        token_ids: tf.Tensor,
        states: Sequence[tf.Tensor] | None = None,
        training: bool = False,
        mask: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """What the softmax reads, (batch, window, embedding), and the states after the window."""
        return self.language_model.encode(token_ids, states, training, mask)

    def count_params(self) -> int:
        """Of the language model: the states that are carried are no parameters."""
        return self.language_model.count_params()

    def train_step(self, data: Batch) -> Logs:
        inputs, targets, weights = data
        self._check_rows(inputs)
        seed = tf.stack([self.seed, tf.cast(batches_learnt(self.optimizer), tf.int32)])
        fresh = None
        if self.fresh_starts:
            # Another stream than that of the sampled softmax, which has the seed itself.
            drawn = tf.random.stateless_uniform((self.batch_size, 1), seed + tf.constant([2**30, 0]))
            fresh = own_rows(drawn, self.rows) < self.fresh_starts
        tokens = sum_over_replicas(tf.reduce_sum(weights))
        with tf.GradientTape() as tape:
            mask = weights > 0 if self._masks_padding else None
            hidden, states = self(inputs, states=self.training_states.read(fresh), training=True, mask=mask)
            softmax = self.language_model.softmax
            loss, nats = self.word_loss(softmax, *_flat_tokens(hidden, targets), _flat(weights), seed)
            penalties = [penalty / replica_count() for penalty in self.losses]
            loss = self.optimizer.scale_loss(tf.add_n([loss / tokens, *penalties]))
        gradients = tape.gradient(loss, self.trainable_weights)
        if not takes_whole_rows(self.optimizer):
            gradients = [merge_repeated_rows(gradient) for gradient in gradients]
        self.optimizer.apply(gradients, self.trainable_weights)
        self.training_states.carry(states)
        self.nats.update_state(sum_over_replicas(nats) / tokens, sample_weight=tokens)
        return self.training_logs()

    def test_step(self, data: Batch) -> Logs:
        inputs, targets, weights = data
        self._check_rows(inputs)
        hidden, states = self(inputs, states=self.evaluation_states.read(), training=False)
        self.evaluation_states.carry(states)
        log_likelihoods, ranks = likelihoods_and_ranks(self.language_model.softmax, *_flat_tokens(hidden, targets))
        weights = _flat(weights)
        for metric, values in ((self.nats, -log_likelihoods), (self.top1, ranks < 1), (self.top5, ranks < 5)):
            _update_over_replicas(metric, values, weights)
        return {**self._likelihood_logs(), "top1": self.top1.result(), "top5": self.top5.result()}

    def training_logs(self) -> Logs:
        """What training has measured in this epoch so far."""
        measures = self.language_model.metrics
        names = [metric.name for metric in measures]
        numbered = [name if names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(names)]
        layer_logs = {name: metric.result() for name, metric in zip(numbered, measures, strict=True)}
        return {**self._likelihood_logs(), **layer_logs}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.nats, self.top1, self.top5, *self.language_model.metrics]

    def fit(self, *args: Any, callbacks: Iterable[keras.callbacks.Callback] = (), **kwargs: Any) -> Any:
        """Keras's `fit` over a dataset of batches (inputs, targets, weights), with fresh states in every epoch."""
        callbacks = [_FreshStates(), *(callbacks or ())]
        return super().fit(*args, callbacks=callbacks, **{"shuffle": False, **kwargs})

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `evaluate` over a dataset of batches (inputs, targets, weights), from fresh states."""
        self.evaluation_states.reset()
        return super().evaluate(*args, **kwargs)

    def _check_rows(self, inputs: tf.Tensor) -> None:
        if inputs.shape[0] not in (None, self.rows):
            raise ValueError(
                f"a batch must have {self.rows} rows, one for each state that is carried from window to window, "
                f"but got {inputs.shape[0]}."
            )

    def _likelihood_logs(self) -> Logs:
        mean = self.nats.result()
        perplexity = tf.exp(mean)
        # TensorBoard writes float32, and Python refuses to make one of a larger finite number.
        infinite = tf.constant(math.inf, perplexity.dtype)
        return {"loss": mean, "perplexity": tf.where(perplexity > tf.float32.max, infinite, perplexity)}


class _FreshStates(keras.callbacks.Callback):
    """Every epoch reads the corpus from its beginning."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.model.training_states.reset()


def _update_over_replicas(metric: keras.metrics.Metric, values: tf.Tensor, weights: tf.Tensor) -> None:
    """Keras logs what the first replica says: let each know the mean over all."""
    if replica_count() > 1:
        values = tf.reduce_sum(tf.cast(values, tf.float64) * tf.cast(weights, tf.float64))
        values, weights = sum_over_replicas([values, tf.reduce_sum(tf.cast(weights, tf.float64))])
        values = tf.math.divide_no_nan(values, weights)
    metric.update_state(values, sample_weight=weights)


def _flat_tokens(hidden: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(tokens, embedding) and (tokens,)."""
    return tf.reshape(hidden, (-1, hidden.shape[-1])), _flat(targets)


def _flat(tensor: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tensor, (-1,))
