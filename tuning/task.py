"""What a run is about: the data, the model, and the measure of how well it does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.runs.resumable_model import ResumableModel
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["Task"]


class Task(ABC):
    """Something that a network can learn in a run.

    Making one loads the data and checks what can be checked; it makes no model yet.

    Attributes:
        measure: the log that a person watches, such as "perplexity".
        unit: what an epoch is made of, such as "words".
        amount: how many of these an epoch has.
        batches: an epoch of training, with static shapes and a known number of batches.
        validation: the same of validation.
        callbacks: what must stand among the callbacks of a `fit` over the batches.
        loss_bound: training whose losses are above it after a whole epoch diverged; None, none are too high.
    """

    measure: ClassVar[str]
    unit: ClassVar[str]
    amount: int
    batches: tf.data.Dataset
    validation: tf.data.Dataset
    callbacks: Sequence[keras.callbacks.Callback] = ()
    loss_bound: float | None = None

    def __init__(self, network: NetworkConfig, training: TrainingConfig) -> None:
        self.network = network
        self.training = training

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What the data is, small enough for run.json: equal facts mean equal data."""

    @abstractmethod
    def make_model(self) -> ResumableModel:
        """A new model, compiled, with all its variables made."""

    @abstractmethod
    def save(self, model: ResumableModel, folder: Path) -> None:
        """Write the model that was learnt into an empty folder."""

    @abstractmethod
    def evaluate(self, folder: Path) -> dict[str, Any]:
        """How well the model that `save` wrote does on the test split."""
