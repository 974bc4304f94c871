"""Every epoch may begin at another place of the corpus, so that rows and windows cut it elsewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.tuning.batches import Batch, ContiguousBatches
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["Rotation", "training_batches"]


class Rotation(keras.callbacks.Callback):
    """Batches whose rows begin, in every epoch, at another place of the corpus.

    Cut always alike, a corpus shows a network the same words at the beginning of a window in each epoch, where the
    gradient is cut off, and never lets a row's first words follow on those before them. The place is drawn from the
    seed and the epoch's number alone, so a resumed run reads on where it stopped.

    It is a callback, for only `fit` knows the epoch: give `dataset()` and the rotation itself to the same `fit`.

    Args:
        batches: the corpus and the sizes of a batch.
        seed: of the places; 0 or more.

    Example:
        >>> rotation = Rotation(ContiguousBatches(np.arange(2, 12), batch_size=2, window=5), seed=0)
        >>> for epoch in range(2):
        ...     rotation.on_epoch_begin(epoch)
        ...     (_, targets, _), *_ = rotation.dataset().as_numpy_iterator()
        ...     print(targets.tolist())
        [[10, 11, 2, 3, 4], [5, 6, 7, 8, 9]]
        [[7, 8, 9, 10, 11], [2, 3, 4, 5, 6]]
    """

    def __init__(self, batches: ContiguousBatches, seed: int) -> None:
        super().__init__()
        self.batches = batches
        self.seed = seed

    def dataset(self) -> tf.data.Dataset:
        """The batches of the epoch that is being learnt: another pass over the dataset, other batches."""
        return self.batches.walked(self._walk, len(self.batches))

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        random = np.random.default_rng([self.seed, epoch])
        self.batches = replace(self.batches, offset=int(random.integers(len(self.batches.tokens))))

    def _walk(self) -> Iterator[Batch]:
        batches = self.batches
        return (batches[step] for step in range(len(batches)))


def training_batches(
    tokens: npt.NDArray[np.integer], training: TrainingConfig
) -> tuple[tf.data.Dataset, list[keras.callbacks.Callback]]:
    """What `fit` learns from, as `training` says, and the callbacks that go with it."""
    batches = ContiguousBatches(tokens, training.batch_size, training.window)
    if not training.rotation:
        return batches.dataset(), []
    rotation = Rotation(batches, training.seed)
    return rotation.dataset(), [rotation]
