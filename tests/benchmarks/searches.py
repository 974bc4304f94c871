"""Searches along the edge of divergence: learning rates from 1e-5 to 100, ours beside unmodified KerasTuner.

    python tests/benchmarks/searches.py --output searches.json

For tanh, IRNN and LSTM: a dense grid says which learning rate is best and which diverge; then each algorithm searches,
guarded and as KerasTuner has it, over the same space from the same seeds. A search has found the best if its learning
rate is within a factor of 3 of the grid's.
"""

import argparse
import contextlib
import io
import math
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from search_tables import corpus_slice, machine, output_option, scratch_folder, write

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.corpora.prepared_corpus import PreparedCorpus
from rnnzoo.tuning.pages.markdown_tables import markdown_table
from rnnzoo.tuning.search import Divergence, LanguageHyperModel, Space
from rnnzoo.tuning.search.algorithms import ALGORITHMS, make_tuner
from rnnzoo.tuning.search.tuner import GuardedTuner
from rnnzoo.tuning.training_config import TrainingConfig

LOW, HIGH = 1e-5, 1e2
NETWORKS = ("simple_rnn_tanh", "irnn", "lstm")
FOUND = 3.0  # times the best learning rate of the grid, or a third of it
STOCK = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
    "grid": keras_tuner.GridSearch,
}


def rates(per_decade: int) -> list[float]:
    steps = round(math.log10(HIGH / LOW) * per_decade)
    return [LOW * (HIGH / LOW) ** (step / steps) for step in range(steps + 1)]


def grid_of(
    network: NetworkConfig, training: TrainingConfig, corpus: PreparedCorpus, per_decade: int
) -> dict[str, Any]:
    """Each rate's validation loss, None where it diverges."""
    values = rates(per_decade)
    space = Space([network], training, ["learning_rate=" + ",".join(map(repr, values))])
    with scratch_folder() as folder:
        tuner = guarded("grid", space, corpus, len(values), 0, folder)
        tuner.search(epochs=training.epochs, verbose=0)
        losses = {trial.hyperparameters["learning_rate"]: trial for trial in tuner.oracle.trials.values()}
        told = {rate: None if diverged(tuner, losses[rate]) else losses[rate].score for rate in values}
    healthy = {rate: loss for rate, loss in told.items() if loss is not None}
    best = min(healthy, key=lambda rate: healthy[rate])
    return {"best": best, "loss": healthy[best], "diverged": 1 - len(healthy) / len(told), "losses": list(told.items())}


def guarded(algorithm: str, space: Space, corpus: PreparedCorpus, trials: int, seed: int, folder: Path) -> GuardedTuner:
    return make_tuner(
        algorithm,
        LanguageHyperModel(space, corpus),
        max_trials=trials,
        epochs=space.training.epochs,
        seed=seed,
        objective="val_loss",
        directory=folder,
        project_name="guarded",
        divergence=Divergence(bound=corpus.loss_bound),
    )


def stock(
    algorithm: str, space: Space, corpus: PreparedCorpus, trials: int, seed: int, folder: Path
) -> keras_tuner.Tuner:
    """KerasTuner's own class, told the same; to it, 0 is no seed."""
    options: dict[str, Any] = {"objective": "val_loss", "seed": seed + 1, "directory": folder, "project_name": "stock"}
    if algorithm == "hyperband":
        tuner = STOCK[algorithm](LanguageHyperModel(space, corpus), max_epochs=space.training.epochs, **options)
        tuner.oracle.max_trials = tuner.oracle.hyperband_iterations = trials
        return tuner
    return STOCK[algorithm](LanguageHyperModel(space, corpus), max_trials=trials, **options)


def diverged(tuner: GuardedTuner, trial: Any) -> bool:
    outcome = tuner.trial_folder(trial.trial_id).outcome()
    return outcome is not None and outcome.status == "diverged"


def run(tuner: keras_tuner.Tuner, epochs: int) -> str | None:
    """Search; the error that ended it, if one did."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            tuner.search(epochs=epochs, verbose=0)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return None


def result(tuner: keras_tuner.Tuner, error: str | None, best: float) -> dict[str, Any]:
    trials = list(tuner.oracle.trials.values())
    scored = [one for one in trials if one.status == "COMPLETED" and one.score is not None and math.isfinite(one.score)]
    if isinstance(tuner, GuardedTuner):
        scored = [one for one in scored if not diverged(tuner, one)]
    found = min(scored, key=lambda one: one.score, default=None)
    rate = None if found is None else float(found.hyperparameters["learning_rate"])
    factor = None if rate is None else max(rate / best, best / rate)
    return {
        "error": error,
        "trials": len(trials),
        "healthy": len(scored),
        "rate": rate,
        "loss": None if found is None else float(found.score),
        "factor": factor,
        "found": factor is not None and factor <= FOUND,
    }


def told(one: dict[str, Any]) -> str:
    if one["error"]:
        return f"ended after {one['trials']} trials: {one['error']}"
    if one["rate"] is None:
        return f"nothing in {one['trials']} trials"
    mark = "found" if one["found"] else "not found"
    return f"{mark}: {one['rate']:.3g} (factor {one['factor']:.1f}), {one['healthy']} of {one['trials']} healthy"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--per-decade", type=int, default=6, help="points of the dense grid")
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--corpus", default="wikitext-2")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--algorithms", nargs="+", default=list(ALGORITHMS))
    output_option(parser, "searches.json")
    asked = parser.parse_args()
    training = TrainingConfig(
        corpus=asked.corpus,
        vocabulary_limit=1000,
        epochs=asked.epochs,
        optimizer=asked.optimizer,
        global_clipnorm=None,  # nothing stands between a learning rate and its divergence
        schedule="constant",
        jit_compile=False,
    )
    corpus = corpus_slice(training, asked.words, asked.words // 10)
    rows, results = [], []
    for name in asked.networks:
        network = NetworkConfig(network=name, units=asked.units)
        grid = grid_of(network, training, corpus, asked.per_decade)
        print(f"{name}: best {grid['best']:.3g}, loss {grid['loss']:.3f}, {grid['diverged']:.0%} diverge", flush=True)
        space = Space([network], training, [f"learning_rate={LOW}:{HIGH}:log"])
        for algorithm in asked.algorithms:
            for seed in range(asked.seeds):
                outcomes = {}
                for kind, make in (("ours", guarded), ("KerasTuner", stock)):
                    with scratch_folder() as folder:
                        tuner = make(algorithm, space, corpus, asked.trials, seed, folder)
                        outcomes[kind] = result(tuner, run(tuner, training.epochs), grid["best"])
                    keras.backend.clear_session()
                results.append({"network": name, "algorithm": algorithm, "seed": seed, **outcomes})
                rows.append([name, algorithm, str(seed), *(told(one) for one in outcomes.values())])
                print(rows[-1], flush=True)
        results.append({"network": name, "grid": grid})
    heading = ["network", "algorithm", "seed", "ours", "unmodified KerasTuner"]
    print(f"\n{markdown_table(heading, rows)}\n")
    for kind in ("ours", "KerasTuner"):
        searches = [one[kind] for one in results if kind in one]
        print(f"{kind}: {sum(one['found'] for one in searches)} of {len(searches)} found the best learning rate")
    print(f"\nMeasured on {machine()}.")
    write(asked.output, {"training": training.as_dict(), "words": len(corpus.train), "results": results})


if __name__ == "__main__":
    main()
