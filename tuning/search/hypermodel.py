"""The zoo as a KerasTuner hypermodel: values in, a trained language model and its validation loss out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import keras_tuner

from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus
from rnnzoo.tuning.language_task import check_softmax, make_trainer
from rnnzoo.tuning.optimization.learning_rate import ControlLearningRate
from rnnzoo.tuning.optimization.schedules import epochs_since_best
from rnnzoo.tuning.rotation import training_batches
from rnnzoo.tuning.runs.run_progress import RunProgress, TrackProgress
from rnnzoo.tuning.search.hyperparameters import Choice, Range
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.search.trial_state import ContinueTrial
from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

__all__ = ["LanguageHyperModel"]


class LanguageHyperModel(keras_tuner.HyperModel):
    """Builds and trains what a `Space` says, as `rnnzoo.tuning.training.train` would, from the same seed in each trial.

    Args:
        space: the networks and recipes to try.
        corpus: what all of them learn; made once, for it is the same in each trial.

    Raises:
        ValueError: if a batch size or a window of the space is too large for the corpus, or a network's softmax does
            not go with the loss or the vocabulary.
    """

    def __init__(self, space: Space, corpus: PreparedCorpus) -> None:
        super().__init__()
        self.space = space
        self.corpus = corpus
        sizes = {name: self._largest(name) for name in ("batch_size", "window")}
        for tokens in (corpus.train, corpus.valid):
            ContiguousBatches(tokens, **sizes)
        for network in space.networks.values():
            check_softmax(network, space.training, len(corpus.vocabulary))

    def build(self, hp: keras_tuner.HyperParameters) -> TruncatedBackpropagation:
        network, training = self.space.declare(hp)
        keras.utils.set_random_seed(training.seed)
        return make_trainer(network, training, self.corpus.vocabulary)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: TruncatedBackpropagation,
        *args: Any,
        epochs: int,
        initial_epoch: int = 0,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **kwargs: Any,
    ) -> dict[str, float]:
        """Train one trial.

        Args:
            hp: the trial's values.
            model: from `build`.
            epochs: the epoch to end with.
            initial_epoch: the epoch to begin with; above 0 where a trial goes on, after an interruption or, in
                Hyperband, from the weights of another.
            callbacks: KerasTuner's and the user's.
            args, kwargs: what else the user gave to `search`; ignored.

        Returns:
            `val_loss`, the best of all epochs in nats per word.
        """
        _, training = self.space.declare(hp)
        training = replace(training, epochs=epochs - int(hp.values.get("tuner/initial_epoch", 0)))
        batches, rotating = training_batches(self.corpus.train, training)
        validation = ContiguousBatches(self.corpus.valid, training.batch_size, training.window)
        history = [row for callback in callbacks if isinstance(callback, ContinueTrial) for row in callback.history]
        progress = RunProgress(epoch=initial_epoch, history=history)
        model.fit(
            batches,
            validation_data=validation.dataset(),
            epochs=epochs,
            initial_epoch=initial_epoch,
            verbose=0,
            callbacks=[
                *rotating,
                TrackProgress(progress, len(self.corpus.train)),
                ControlLearningRate(training, progress, int(batches.cardinality())),
                _StopEarly(progress, training.patience),  # before those that ask whether an epoch was the last
                *callbacks,
            ],
        )
        return {"val_loss": min(progress.validation_losses)}

    def _largest(self, name: str) -> int:
        varied: Range | Choice | None = self.space.hyperparameters.get(name)
        sizes: Any = (getattr(self.space.training, name),) if varied is None else varied.ends
        return max(sizes)


class _StopEarly(keras.callbacks.Callback):
    """Ends a trial as a run ends, see `KeepBestModel`: from the history alone, so that it may be interrupted."""

    def __init__(self, progress: RunProgress, patience: int | None) -> None:
        super().__init__()
        self.progress = progress
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.patience is not None and epochs_since_best(self.progress.validation_losses) >= self.patience:
            self.model.stop_training = True
