"""Training steps of word models, ours against PyTorch's word_language_model example, measured in turn.

Both: LSTM 2 × 200 tied to the embedding, vocabulary of 33,278, windows of 35 words, 20 rows. PyTorch's example has the
full softmax; ours draws a sample, as it does by default for large vocabularies, and is also measured with the full one.
"""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import tensorflow as tf
from alternation import alternate, ratio, timed
from torch_process import TORCH_PYTHON, torch_timer

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["BATCH", "WINDOW", "measure_words", "training_step"]

WORDS, BATCH, WINDOW = 33_278, 20, 35
ROUNDS = 10

# The same words in every candidate, as often as Zipf's law has them.
ODDS = 1 / np.arange(1, WORDS + 1)
NETWORK = NetworkConfig(network="lstm", layers=2, units=200)
OURS = {
    "ours, sampled softmax of 4,096": TrainingConfig(batch_size=BATCH, window=WINDOW, loss="sampled"),
    "ours, sampled softmax of 2,048": TrainingConfig(batch_size=BATCH, window=WINDOW, loss="sampled", samples=2048),
    "ours, full softmax": TrainingConfig(batch_size=BATCH, window=WINDOW, loss="full"),
}


def training_step(network: NetworkConfig, training: TrainingConfig) -> Callable[[], float]:
    """The seconds of one step of 20 rows of 35 words, as the best of a few in a row."""
    vocabulary = Vocabulary(["<unk>", "<eos>", *(f"word{rank}" for rank in range(WORDS - 2))])
    trainer = make_trainer(network, training, vocabulary)
    tokens = np.random.default_rng(0).choice(WORDS, BATCH * WINDOW + 1, p=ODDS / ODDS.sum()).astype(np.int32)
    (batch,) = ContiguousBatches(tokens, BATCH, WINDOW).dataset().take(1)
    step = tf.function(trainer.train_step)
    return timed(lambda: float(step(batch)["loss"]))


def measure_words() -> list[list[str]]:
    """Rows of a table: who, words per second, ratio of words per second to PyTorch's."""
    candidates = {name: training_step(NETWORK, training) for name, training in OURS.items()}
    with ExitStack() as stack:
        if TORCH_PYTHON.exists():
            candidates["PyTorch, full softmax"] = stack.enter_context(torch_timer("words", WORDS, BATCH, WINDOW))
        seconds = alternate(candidates, ROUNDS)
    theirs = seconds.get("PyTorch, full softmax")
    rows = []
    for name, times in seconds.items():
        speed = BATCH * WINDOW / sorted(times)[len(times) // 2]
        rows.append([name, f"{speed:,.0f}", "" if theirs is None else str(ratio(theirs, times))])
    return rows
