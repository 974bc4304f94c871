"""Learning to add: solved where it is easy, honest where it is not."""

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.adding import BASELINE
from rnnzoo.tuning.memory.adding_problem import AddingOutcome, learn_adding
from rnnzoo.tuning.training_config import TrainingConfig

TRAINING = TrainingConfig(batch_size=50, learning_rate=0.01, schedule="constant", global_clipnorm=1.0)


def test_two_numbers_are_soon_added() -> None:
    network = NetworkConfig(network="irnn", units=32, dropout=0.0)
    outcome = learn_adding(network, TRAINING, length=2, steps=1500)
    assert outcome.solved
    assert outcome.error <= BASELINE / 100
    assert outcome.steps < 1500


def test_what_has_no_time_to_learn_is_no_better_than_a_constant() -> None:
    outcome = learn_adding(NetworkConfig(network="lstm", units=4), TRAINING, length=100, steps=5)
    assert not outcome.solved
    assert outcome.error > BASELINE / 2
    assert 5 == outcome.steps


def test_a_loss_that_is_no_number_ends_it() -> None:
    wild = TrainingConfig(optimizer="sgd", learning_rate=1e30, schedule="constant", global_clipnorm=None)
    outcome = learn_adding(NetworkConfig(network="simple_rnn_relu", units=8), wild, length=5, steps=600)
    assert outcome.diverged
    assert 250 == outcome.steps
    assert not outcome.solved


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be a positive integer, but got steps=0"):
        learn_adding(NetworkConfig(network="irnn"), TRAINING, length=5, steps=0)


def test_solved_is_a_hundredth_of_the_constant_answers_error() -> None:
    assert AddingOutcome(error=0.0016, steps=1, diverged=False).solved
    assert not AddingOutcome(error=0.0017, steps=1, diverged=False).solved
