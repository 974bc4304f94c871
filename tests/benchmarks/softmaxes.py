"""One training step with each softmax, measured in turn: GRU 1 × 200 on WikiText-2, batch 20, window 35.

Run it with `python tests/benchmarks/softmaxes.py`.
"""

import platform
from collections.abc import Callable

import keras
import tensorflow as tf
from alternation import alternate, ratio, timed
from rich.console import Console
from rich.table import Table

from rnnzoo.models import NetworkConfig
from rnnzoo.tuning import TrainingConfig
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus, prepare_corpus
from rnnzoo.tuning.language_task import make_trainer

ROUNDS = 15
STEPS = 4  # of each in a round

# The options of the network and those of its training.
SOFTMAXES: dict[str, tuple[dict[str, str], dict[str, str | bool]]] = {
    "full": ({}, {"loss": "full"}),
    "sampled, 4096": ({}, {"loss": "sampled"}),
    "sampled, 4096, XLA": ({}, {"loss": "sampled", "jit_compile": True}),
    "adaptive": ({"softmax": "adaptive"}, {}),
    "adaptive, XLA": ({"softmax": "adaptive"}, {"jit_compile": True}),
}


def steps(corpus: PreparedCorpus, network: dict[str, str], training: dict[str, str | bool]) -> Callable[[], float]:
    """The seconds of a few steps through the corpus, each time the following ones."""
    config = TrainingConfig(**training)  # type: ignore[arg-type]
    keras.utils.set_random_seed(0)
    trainer = make_trainer(NetworkConfig(network="gru", **network), config, corpus.vocabulary)  # type: ignore[arg-type]
    trainer.make_train_function()
    batches = iter(ContiguousBatches(corpus.train, config.batch_size, config.window).dataset().repeat())

    def run() -> None:
        for _ in range(STEPS):
            logs = trainer.train_function(batches)  # what `fit` runs
        logs["loss"].numpy()

    return timed(run, repetitions=1)


def main() -> None:
    corpus = prepare_corpus(TrainingConfig())
    words = TrainingConfig().batch_size * TrainingConfig().window * STEPS
    seconds = alternate({name: steps(corpus, *options) for name, options in SOFTMAXES.items()}, ROUNDS)
    table = Table(title=f"Training steps, GRU 1 × 200, {len(corpus.vocabulary):,} words")
    for heading in ("softmax", "words/s", "time / sampled", "time / full"):
        table.add_column(heading)
    for name, taken in seconds.items():
        median = sorted(taken)[len(taken) // 2]
        ratios = [str(ratio(taken, seconds[other])) for other in ("sampled, 4096", "full")]
        table.add_row(name, f"{words / median:,.0f}", *ratios)
    console = Console(width=120)
    console.print(table)
    console.print(
        f"Median (quartiles) of {ROUNDS} rounds in turn. "
        f"{platform.machine()}, TensorFlow {tf.__version__}, Keras {keras.__version__}."
    )


if __name__ == "__main__":
    main()
