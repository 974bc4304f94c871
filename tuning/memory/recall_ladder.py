"""How far back a network can be taught to remember: a ladder of distances, climbed rung by rung."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.arguments import whole
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.corpora.recall import Recall
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["LADDER", "RecallOutcome", "Rung", "climb"]

LADDER = (5, 10, 25, 50, 100, 200, 400)
LEARNT = 0.99
_CHECK_STEPS = 40  # training steps from one look at the accuracy to the next
_QUESTIONS = 200  # how many answers an accuracy is taken over

Lines = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One distance.

    Attributes:
        distance: words of filler between what is to be remembered and the question.
        steps: how many training steps were taken at this distance.
        accuracy: the best share of right answers, over lines never seen.
    """

    distance: int
    steps: int
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class RecallOutcome:
    """What became of a climb.

    Attributes:
        rungs: the distances that were tried, up to the first that was not learnt.
        diverged: whether the loss stopped being a finite number.

    Example:
        >>> rungs = (Rung(distance=5, steps=40, accuracy=1.0), Rung(distance=10, steps=400, accuracy=0.2))
        >>> RecallOutcome(rungs=rungs, diverged=False).reach
        5
    """

    rungs: tuple[Rung, ...]
    diverged: bool

    @property
    def reach(self) -> int:
        """The longest distance at which 99 % of the answers are right; 0 if there is none."""
        return max((rung.distance for rung in self.rungs if rung.accuracy >= LEARNT), default=0)


def climb(
    network: NetworkConfig,
    training: TrainingConfig,
    *,
    ladder: Sequence[int] = LADDER,
    steps: int = 400,
) -> RecallOutcome:
    """Teach a network to answer questions about an ever more distant word, until it no longer learns to.

    The lines are those of the corpus "recall". Every line is read from fresh states, and only its answer counts in the
    loss: nothing is learnt but to remember. A network begins at the shortest distance; once 99 % of its answers are
    right, it goes on, as it is, to the next. Met with a long distance at once, a network that could carry a word so far
    often never finds out that it should (Bengio et al. 2009 on learning in the order of difficulty).

    Args:
        network: what learns.
        training: optimizer, learning rate, clipping, batch size and seed; the window is the line's.
        ladder: the distances in words, rising.
        steps: the most training steps at each distance. Every batch is of lines never seen before.

    Raises:
        ValueError: if the ladder does not rise or `steps` is not positive.

    Example:
        >>> training = TrainingConfig(batch_size=10, learning_rate=0.01, schedule="constant", global_clipnorm=1.0)
        >>> network = NetworkConfig(network="simple_rnn_tanh", units=16, dropout=0.0)
        >>> [rung.distance for rung in climb(network, training, ladder=(0, 3), steps=1).rungs]
        [0]
    """
    if not ladder or any(later <= earlier for earlier, later in itertools.pairwise(ladder)):
        raise ValueError(f"the ladder must be distances that rise, but got {ladder=}.")
    steps = whole("steps", steps, least=1)
    keras.utils.set_random_seed(training.seed)
    vocabulary = Recall(distance=max(ladder[-1], 50)).vocabulary()
    trainer = make_trainer(network, replace(training, fresh_starts=1.0, loss="full"), vocabulary)
    rungs: list[Rung] = []
    for distance in ladder:
        questions = _lines(distance, _QUESTIONS, training.seed, "test", vocabulary)
        done, best, loss = 0, 0.0, 0.0
        while done < steps and best < LEARNT and math.isfinite(loss):
            count = min(_CHECK_STEPS, steps - done)
            lines = _lines(distance, count * training.batch_size, 1_000_003 * training.seed + done, "train", vocabulary)
            batches = tf.data.Dataset.from_tensor_slices(lines).batch(training.batch_size, drop_remainder=True)
            loss = trainer.fit(batches, epochs=1, verbose=0).history["loss"][0]
            done += count
            best = max(best, _accuracy(trainer.language_model, questions))
        rungs.append(Rung(distance=distance, steps=done, accuracy=best))
        if best < LEARNT:
            break
    return RecallOutcome(rungs=tuple(rungs), diverged=not math.isfinite(loss))


def _lines(distance: int, count: int, seed: int, split: str, vocabulary: Vocabulary) -> Lines:
    """Inputs, targets and weights up to the answer, each (lines, time): the answer alone has a weight."""
    examples = count if split == "train" else 10 * count
    corpus = Recall(distance=distance, examples=max(10, examples), seed=seed)
    targets = np.array([vocabulary.encode_words(line) for line in corpus.lines(split)], np.int32)[:, : corpus.lag + 1]
    inputs = np.concatenate([np.full_like(targets[:, :1], vocabulary.end_id), targets[:, :-1]], axis=1)
    return inputs, targets, corpus.answer_mask(targets, vocabulary).astype(np.float32)


def _accuracy(model: LanguageModel, questions: Lines) -> float:
    inputs, targets, _ = questions
    hidden, _ = model.encode(tf.constant(inputs))
    answers = tf.argmax(model.logits(hidden[:, -1]), axis=-1).numpy()
    return float(np.mean(answers == targets[:, -1]))
