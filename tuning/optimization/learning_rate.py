"""Learning-rate control while a model trains."""

from collections.abc import Mapping

import keras

from rnnzoo.tuning.optimization.schedules import SCHEDULES, Position
from rnnzoo.tuning.replicas import number_in
from rnnzoo.tuning.runs.run_progress import RunProgress
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["ControlLearningRate"]


class ControlLearningRate(keras.callbacks.Callback):
    """Sets the optimizer's learning rate before each step to what the schedule says of that step.

    It keeps nothing: the step's number is the optimizer's, the validation losses are the run's.

    Args:
        training: the schedule and the rate that it starts from.
        progress: how far the run is, as `TrackProgress` keeps it.
        steps_per_epoch: the number of batches of an epoch.
    """

    def __init__(self, training: TrainingConfig, progress: RunProgress, steps_per_epoch: int) -> None:
        super().__init__()
        self.rate = training.rate
        self.schedule = SCHEDULES[training.schedule]
        self.progress = progress
        self.total_steps = training.epochs * steps_per_epoch
        self.warmup_steps = round(training.warmup * self.total_steps)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if getattr(self.model, "batches_to_skip", 0):  # learnt before an interruption: the rate is that of the last
            return
        position = Position(
            step=int(number_in(self.model.optimizer.iterations)),
            total_steps=self.total_steps,
            validation_losses=self.progress.validation_losses,
            warmup_steps=self.warmup_steps,
        )
        self.model.optimizer.learning_rate = self.schedule(self.rate, position)
