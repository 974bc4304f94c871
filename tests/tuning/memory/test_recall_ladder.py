"""The ladder: it is climbed in order, ends where learning ends, and its lines ask what they should."""

import numpy as np
import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.recall import LANGUAGES, Recall
from rnnzoo.tuning.memory import recall_ladder
from rnnzoo.tuning.memory.recall_ladder import LEARNT, climb
from rnnzoo.tuning.training_config import TrainingConfig

TRAINING = TrainingConfig(batch_size=20, learning_rate=0.01, schedule="constant", global_clipnorm=1.0)


def test_an_easy_distance_is_learnt_and_the_climb_goes_on_until_a_distance_is_not() -> None:
    network = NetworkConfig(network="simple_rnn_tanh", units=32, dropout=0.0)
    outcome = climb(network, TRAINING, ladder=(0, 1, 200), steps=160)
    assert [0, 1, 200] == [rung.distance for rung in outcome.rungs]
    assert all(rung.accuracy >= LEARNT and rung.steps <= 160 for rung in outcome.rungs[:2])
    assert outcome.rungs[2].accuracy < LEARNT
    assert 160 == outcome.rungs[2].steps
    assert 1 == outcome.reach


def test_equal_seeds_climb_equally() -> None:
    network = NetworkConfig(network="irnn", units=8, dropout=0.0)
    first, second = (climb(network, TRAINING, ladder=(0,), steps=10) for _ in range(2))
    assert first == second


def test_a_loss_that_is_no_number_ends_the_climb() -> None:
    network = NetworkConfig(network="simple_rnn_relu", units=8, dropout=0.0)
    wild = TrainingConfig(optimizer="sgd", learning_rate=1e30, schedule="constant", global_clipnorm=None)
    outcome = climb(network, wild, ladder=(0, 5), steps=200)
    assert outcome.diverged
    assert 40 == outcome.rungs[-1].steps
    assert 0 == outcome.reach


def test_only_the_answer_counts_and_is_the_last_step() -> None:
    vocabulary = Recall(distance=50).vocabulary()
    inputs, targets, weights = recall_ladder._lines(7, 30, seed=3, split="train", vocabulary=vocabulary)
    assert inputs.shape == targets.shape == weights.shape == (30, Recall(distance=7).lag + 1)
    assert (weights[:, :-1] == 0).all()
    assert (weights[:, -1] == 1).all()
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    regions = [vocabulary.words[word] for word in inputs[:, 1]]
    assert [LANGUAGES[region] for region in regions] == [vocabulary.words[word] for word in targets[:, -1]]


@pytest.mark.parametrize("ladder", [(), (5, 5), (5, 3)])
def test_a_ladder_that_does_not_rise_is_refused(ladder: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the ladder must be distances that rise, but got"):
        climb(NetworkConfig(network="irnn"), TRAINING, ladder=ladder)


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be a positive integer, but got steps=0"):
        climb(NetworkConfig(network="irnn"), TRAINING, steps=0)
