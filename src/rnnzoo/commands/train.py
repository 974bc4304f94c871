"""`rnnzoo train`: a network learns a corpus."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnzoo.commands.configuration import options_from
from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.figures import read_evaluation
from rnnzoo.commands.mistakes import InterruptionError
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.recipe import PANELS, network_options, read_recipe, training_config
from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.tuning.run_folder import RunFolder
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["train"]


@options_from(NetworkConfig, TrainingConfig, panels=PANELS)
def train(
    network: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(NETWORKS)}. Not needed with --resume and --repeat.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The run's folder; runs/NETWORK by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --output, as it was begun.")] = False,
    repeat: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN|SEARCH", help="Train as a run did or as a search found best, but for the options given here."
        ),
    ] = None,
    watch_gradients: Annotated[
        bool,
        typer.Option(
            "--watch-gradients",
            help="Write what its gradients do into signs.csv in its folder, for `rnnzoo diagnose`. It learns the same, "
            "a few percent slower.",
        ),
    ] = False,
    corpus_options: CorpusOptions = None,
    **options: Any,
) -> None:
    """Train a network on a corpus, keep the best model of all epochs, and measure it on the test split.

    Ctrl-C saves the exact state; --resume ends at the very weights that the run would have ended at.

    Examples:

      rnnzoo train irnn --corpus python-docs --clipnorm 1 -o runs/irnn

      rnnzoo train --resume -o runs/irnn

      rnnzoo train --repeat runs/irnn --seed 1 -o runs/irnn-1

      rnnzoo train lstm --corpus recall --corpus-option distance=50 --watch-gradients
    """
    if network is None and not resume and repeat is None:
        raise typer.BadParameter("it is needed, unless there is --resume or --repeat.", param_hint="NETWORK")
    if output is None and (network is None or repeat is not None):
        raise typer.BadParameter("it is needed with --resume and --repeat.", param_hint="--output")
    if resume and repeat:
        raise typer.BadParameter("it cannot go with --repeat.", param_hint="--resume")
    output = Path("runs", str(network)) if output is None else output
    base = output if resume else repeat
    given = network_options(options) | ({"network": network} if network else {})
    if base is None:
        config, training = NetworkConfig(**given), training_config(options, corpus_options)
    else:
        told_network, told_training = read_recipe(base)
        config, training = replace(told_network, **given), training_config(options, corpus_options, told_training)
    import_tensorflow()
    from rnnzoo.tuning import train as run_training
    from rnnzoo.tuning.diagnosis import GradientHealth

    watchers = [GradientHealth(csv=RunFolder(output).signs)] if watch_gradients else []
    try:
        run_training(config, training, output, resume=resume, callbacks=watchers)
    except KeyboardInterrupt:
        if not RunFolder(output).configuration.is_file():
            raise
        command = shlex.join(["rnnzoo", "train", "--resume", "--output", str(output)])
        raise InterruptionError(f"Interrupted. Go on with: {command}") from None
    figure = read_evaluation(output)
    typer.echo(f"{output}: test {figure}, best after epoch {figure.epoch}.")
