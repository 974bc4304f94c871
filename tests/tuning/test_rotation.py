"""Rotated epochs: other batches in each, the same ones whenever the same epoch comes."""

import keras
import numpy as np
import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.rotation import Rotation, training_batches
from rnnzoo.tuning.training_config import TrainingConfig


def _epoch(rotation: Rotation, epoch: int) -> np.ndarray:
    rotation.on_epoch_begin(epoch)
    return np.concatenate([targets[weights == 1] for _, targets, weights in rotation.dataset().as_numpy_iterator()])


def test_each_epoch_holds_every_token_once_from_another_place() -> None:
    rotation = Rotation(ContiguousBatches(np.arange(100), batch_size=1, window=7), seed=3)
    epochs = [_epoch(rotation, epoch) for epoch in range(4)]
    assert 4 == len({int(tokens[0]) for tokens in epochs})
    for tokens in epochs:
        np.testing.assert_array_equal(np.roll(np.arange(100), -tokens[0]), tokens)


def test_an_epoch_depends_on_its_number_and_the_seed_alone() -> None:
    batches = ContiguousBatches(np.arange(100), batch_size=4, window=7)
    one, other = Rotation(batches, seed=3), Rotation(batches, seed=3)
    np.testing.assert_array_equal([_epoch(one, epoch) for epoch in (0, 1, 2)][2], _epoch(other, 2))
    assert (_epoch(one, 2) != _epoch(Rotation(batches, seed=4), 2)).any()


@pytest.mark.parametrize("rotation", [True, False])
def test_fit_reads_another_cut_of_the_corpus_in_each_epoch(rotation: bool) -> None:
    seen = []

    class Reader(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            seen.append(self.model.training_states.read()[0].numpy())

    vocabulary = Vocabulary.from_lines([[f"word{number}" for number in range(40)]])
    training = TrainingConfig(
        batch_size=2, window=20, rotation=rotation, optimizer="sgd", learning_rate=1e-30, schedule="constant"
    )
    dataset, callbacks = training_batches(np.arange(2, 42), training)
    network = NetworkConfig(network="irnn", units=4, dropout=0.0)
    make_trainer(network, training, vocabulary).fit(dataset, epochs=3, callbacks=[*callbacks, Reader()], verbose=0)
    # One batch an epoch, weights that stay: the same words give the same states.
    assert rotation == bool((seen[0] != seen[1]).any())
    assert rotation == bool((seen[1] != seen[2]).any())
