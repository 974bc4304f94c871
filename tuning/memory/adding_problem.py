"""How far back a network can be taught to add: the adding problem at one length."""

import math
from dataclasses import dataclass

import keras
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.arguments import whole
from rnnzoo.tuning.adding_task import SequenceRegression
from rnnzoo.tuning.corpora.adding import BASELINE, generate
from rnnzoo.tuning.optimization.optimizers import make_optimizer
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["AddingOutcome", "learn_adding"]

_CHECK_STEPS = 250
_SEQUENCES = 1000  # that an error is taken over
_FIRST_TEST_SEED = 2**30  # far from those of training


@dataclass(frozen=True, kw_only=True)
class AddingOutcome:
    """What became of it.

    Attributes:
        error: the least mean squared error over sequences never seen; always answering 1 gives 0.1667.
        steps: how many training steps were taken.
        diverged: whether the loss stopped being a finite number.
    """

    error: float
    steps: int
    diverged: bool

    @property
    def solved(self) -> bool:
        """Whether the error is at most a hundredth of that of a constant answer (Campos et al. 2018)."""
        return self.error <= BASELINE / 100


def learn_adding(network: NetworkConfig, training: TrainingConfig, *, length: int, steps: int) -> AddingOutcome:
    """Teach a network to add the two marked numbers of a sequence, until it is solved or the steps are used up.

    Args:
        network: what learns; a number out of its last hidden state is the answer.
        training: optimizer, learning rate, clipping, batch size and seed.
        length: T, the time steps of a sequence.
        steps: the most training steps. No sequence is seen twice.

    Raises:
        ValueError: if `length` is below 2 or `steps` is not positive.

    Source: Hochreiter & Schmidhuber 1997, in the form of Le, Jaitly & Hinton 2015.

    Example:
        >>> training = TrainingConfig(batch_size=10, schedule="constant")
        >>> learn_adding(NetworkConfig(network="irnn", units=8), training, length=5, steps=2).steps
        2
    """
    steps = whole("steps", steps, least=1)
    keras.utils.set_random_seed(training.seed)
    inputs, targets = generate(_SEQUENCES, length, _FIRST_TEST_SEED + training.seed)
    test = tf.data.Dataset.from_tensor_slices((inputs, targets[:, None])).batch(_SEQUENCES)
    model = SequenceRegression(network)
    model.compile(make_optimizer(training), loss="mse", jit_compile=False)
    done, best, loss = 0, math.inf, 0.0
    while done < steps and best > BASELINE / 100 and math.isfinite(loss):
        count = min(_CHECK_STEPS, steps - done)
        inputs, targets = generate(count * training.batch_size, length, steps * training.seed + done)
        batches = tf.data.Dataset.from_tensor_slices((inputs, targets[:, None]))
        batches = batches.batch(training.batch_size, drop_remainder=True)
        loss = model.fit(batches, epochs=1, shuffle=False, verbose=0).history["loss"][0]
        done += count
        error = model.evaluate(test, verbose=0, return_dict=True)["loss"]
        best = min(best, error) if math.isfinite(error) else best
    return AddingOutcome(error=best, steps=done, diverged=not math.isfinite(loss))
