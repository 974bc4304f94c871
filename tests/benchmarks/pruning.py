"""What pruning saves: the same random search over a slice of WikiText-2, unpruned and with each pruner.

    python tests/benchmarks/pruning.py --output pruning.json

Random search draws the same trials whatever becomes of them, so that all searches try the same. Compute is counted in
words trained on, which nothing else on the machine can change, and in seconds.
"""

import argparse
from dataclasses import asdict
from typing import Any

from search_tables import corpus_slice, machine, output_option, scratch_folder, write

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus
from rnnzoo.tuning.pages.markdown_tables import markdown_table
from rnnzoo.tuning.search import Divergence, LanguageHyperModel, Space
from rnnzoo.tuning.search.algorithms import make_tuner
from rnnzoo.tuning.search.pruning import PRUNERS
from rnnzoo.tuning.training_config import TrainingConfig

SPACE = ["learning_rate=1e-4:1e1:log", "global_clipnorm=1e-2:1e1:log", "dropout=0:0.5"]


def search(pruning: str, space: Space, corpus: PreparedCorpus, trials: int) -> dict[str, Any]:
    """Words and seconds that a search took, and the best that it found."""
    kind, training = PRUNERS[pruning], space.training
    with scratch_folder() as folder:
        tuner = make_tuner(
            "random",
            LanguageHyperModel(space, corpus),
            max_trials=trials,
            epochs=training.epochs,
            seed=training.seed,
            objective="val_loss",
            directory=folder,
            project_name="search",
            divergence=Divergence(bound=corpus.loss_bound),
            pruner=None if kind is None else kind(),
        )
        tuner.search(epochs=training.epochs, verbose=0)
        outcomes = [tuner.trial_folder(name).outcome() for name in tuner.oracle.start_order]
        best = tuner.oracle.get_best_trials()[0]
        return {
            "pruning": pruning,
            "words": round(sum(outcome.at for outcome in outcomes) * len(corpus.train)),
            "seconds": sum(outcome.seconds for outcome in outcomes),
            "statuses": {status: sum(one.status == status for one in outcomes) for status in _STATUSES},
            "best": best.score,
            "values": best.hyperparameters.values,
            "trials": [asdict(outcome) for outcome in outcomes],
        }


_STATUSES = ("completed", "pruned", "diverged", "failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--words", type=int, default=200_000, help="of the training split")
    parser.add_argument("--valid-words", type=int, default=20_000)
    parser.add_argument("--vocabulary", type=int, default=5_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument(
        "--schedule", default="constant", help='"cosine" is harder: large rates look bad until it has fallen'
    )
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--network", default="lstm")
    parser.add_argument("--corpus", default="wikitext-2")
    output_option(parser, "pruning.json")
    asked = parser.parse_args()
    training = TrainingConfig(
        corpus=asked.corpus,
        vocabulary_limit=asked.vocabulary,
        epochs=asked.epochs,
        schedule=asked.schedule,
        seed=asked.seed,
    )
    corpus = corpus_slice(training, asked.words, asked.valid_words)
    space = Space([NetworkConfig(network=asked.network, units=asked.units)], training, SPACE)
    results = []
    for pruning in PRUNERS:
        results.append(search(pruning, space, corpus, asked.trials))
        print(pruning, {name: value for name, value in results[-1].items() if name != "trials"}, flush=True)
    whole = results[0]
    rows = [
        [
            one["pruning"],
            f"{one['words'] / 1e6:.2f} M",
            f"{whole['words'] / one['words']:.2f}×",
            f"{one['seconds']:.0f}",
            f"{whole['seconds'] / one['seconds']:.2f}×",
            f"{one['best']:.4f}",
            f"{100 * (one['best'] / whole['best'] - 1):+.2f} %",
            ", ".join(f"{count} {status}" for status, count in one["statuses"].items() if count),
        ]
        for one in results
    ]
    heading = ["pruning", "words", "less", "seconds", "less", "best loss", "worse by", "trials"]
    print(f"\n{markdown_table(heading, rows)}\n\nMeasured on {machine()}.")
    write(asked.output, {"space": space.describe(), "words": len(corpus.train), "searches": results})


if __name__ == "__main__":
    main()
