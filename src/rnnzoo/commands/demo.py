"""`rnnzoo demo`: from nothing to suggested next words."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rnnzoo.commands.mistakes import InterruptionError
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.reached import read_evaluation
from rnnzoo.commands.suggestion_table import suggestion_table
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["demo"]

# Small enough for two processors and two minutes, large enough for suggestions that make sense.
NETWORK = NetworkConfig(network="gru", units=128)
TRAINING = TrainingConfig(
    corpus="python-docs",
    corpus_options={"words": 100_000},
    vocabulary_limit=4000,
    epochs=5,
    optimizer="adam",
    schedule="constant",  # too short for a schedule: at the end of five epochs the network still learns
)
SEARCH = "learning_rate=0.0005,0.004,0.032"
TEXTS = ("Return the number", "This method is called when", "If the file", "in the current")
MODEL = "demo"


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The demo's folder: the search, the run and the export.")
    ] = Path("demo"),
) -> None:
    """Search, train, export, serve and ask, in two to four minutes on two processors or one.

    Everything stays in the folder; a second call goes on where the first one stopped.

    Examples:

      rnnzoo demo

      rnnzoo demo --output my-demo
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        import_tensorflow()
        with _step(console, "search") as say:
            network, training = _search(output / "search", say)
        with _step(console, "train") as say:
            _train(network, training, output / "run", say)
        with _step(console, "export") as say:
            _export(output / "run", output / "export", say)
        with _step(console, "serve") as say:
            table = _ask(output / "export", say)
    except KeyboardInterrupt:
        raise InterruptionError("Interrupted. Go on with: the same command.") from None
    console.print(table)


@contextmanager
def _step(console: Console, name: str) -> Iterator[list[str]]:
    """Says one line for the block, once it is over: what the block put into the list."""
    said: list[str] = []
    begin = time.monotonic()
    with Console(stderr=True).status(f"{name} ..."):
        yield said
    console.print(f"{name:<8}{' '.join(said)} ({time.monotonic() - begin:.0f} s)")


def _search(folder: Path, say: list[str]) -> tuple[NetworkConfig, TrainingConfig]:
    from rnnzoo.tuning.search import search

    result = search(
        [NETWORK],
        replace(TRAINING, epochs=1),
        folder,
        [SEARCH],
        algorithm="grid",
        max_trials=SEARCH.count(",") + 1,
        resume=(folder / "search.json").exists(),
        report=lambda line: None,
    )
    if result.network is None or result.training is None:
        raise ValueError(f"a search must find a network that learns, but every trial failed: see {folder}/trials.csv.")
    tried = ", ".join(
        f"{trial.values['learning_rate']:g} → {trial.perplexity or math.inf:.0f}" for trial in result.trials
    )
    say.append(f"learning rates and perplexities after an epoch of Python's documentation: {tried}")
    return result.network, replace(result.training, epochs=TRAINING.epochs)


def _train(network: NetworkConfig, training: TrainingConfig, folder: Path, say: list[str]) -> None:
    from rnnzoo.tuning import train

    train(network, training, folder, resume=(folder / "run.json").exists(), verbose=False)
    reached = read_evaluation(folder)
    say.append(
        f"{network.network}, {network.units} units, learning rate {training.learning_rate:g}: "
        f"test {reached} after {reached.epoch} epochs, in {folder}"
    )


def _export(run: Path, folder: Path, say: list[str]) -> None:
    from rnnzoo.serving import export_model

    exported = folder / "1"
    if not exported.exists():
        export_model(run / "model", folder, 1)
    size = sum(file.stat().st_size for file in exported.rglob("*") if file.is_file())
    say.append(
        f"a SavedModel of {size / 1e6:.1f} MB with the signatures predict_next (and serving_default), score, generate, "
        f"step, extend, speak: {exported}"
    )


def _ask(export: Path, say: list[str]) -> Any:
    from rnnzoo.serving import Client, make_server

    server = make_server(export, model_name=MODEL, port=0, poll_seconds=0)
    server.start()
    try:
        with Client(server.address, MODEL) as client:
            begin = time.monotonic()
            answers = client.predict_next(TEXTS, top_k=5)
            milliseconds = 1000 * (time.monotonic() - begin)
    finally:
        server.stop()
    say.append(f"{len(TEXTS)} texts asked over gRPC at {server.address}, answered in {milliseconds:.0f} ms")
    return suggestion_table(TEXTS, answers)
