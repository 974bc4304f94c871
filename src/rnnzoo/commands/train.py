"""`rnnzoo train`: a network learns a corpus."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnzoo.commands.configuration import options_from
from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.going_on import check_resumable, diverged_run, finished_run, interrupted_run, unwritten_run
from rnnzoo.commands.mistakes import file_error
from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.reached import read_evaluation, read_validation_loss
from rnnzoo.commands.recipe import PANELS, network_options, read_recipe, training_config
from rnnzoo.commands.searched_trial import read_trial
from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.models.preset_files import preset_config
from rnnzoo.models.presets import PRESETS
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["train"]


@options_from(NetworkConfig, TrainingConfig, panels=PANELS)
def train(
    network: Annotated[
        str | None,
        typer.Argument(
            help=f"One of {', '.join(NETWORKS)}. Not needed with --resume, --repeat, --from-trial, --from-preset."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The run's folder; runs/NETWORK by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --output, as it was begun.")] = False,
    repeat: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Train as a run did, but for the options given here."),
    ] = None,
    from_trial: Annotated[
        str | None,
        typer.Option(
            metavar="SEARCH[:N]",
            help="Train as trial N of a search did, in full, or as its best one, but for the options given here.",
        ),
    ] = None,
    from_preset: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN|PRESET",
            help="Go on from the weights and the words of a trained model, on a text of your own.",
            rich_help_panel="Text",
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
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|gpu|gpus|tpu",
            help="What it runs on: one device, all GPUs together, or a TPU; auto takes a TPU or a GPU if there is one.",
        ),
    ] = "auto",
    corpus_options: CorpusOptions = None,
    **options: Any,
) -> None:
    """Train a network on a corpus, keep the best model of all epochs, and measure it on the test split.

    Ctrl-C saves the exact state; --resume ends at the very weights that the run would have ended at.

    Examples:

      rnnzoo train irnn --corpus python-docs --clipnorm 1 -o runs/irnn

      rnnzoo train --resume -o runs/irnn

      rnnzoo train --repeat runs/irnn --seed 1 -o runs/irnn-1

      rnnzoo train --from-preset runs/irnn --corpus notes.txt --epochs 3 -o runs/irnn-notes

      rnnzoo train --from-trial searches/irnn:7 --epochs 6 -o runs/irnn-7

      rnnzoo train lstm --corpus recall --corpus-option distance=50 --watch-gradients
    """
    bases = {"--resume": resume, "--repeat": repeat, "--from-trial": from_trial}
    asked = [name for name, base in bases.items() if base]
    if network is None and not asked and from_preset is None:
        raise typer.BadParameter(
            "it is needed, unless there is --resume, --repeat, --from-trial or --from-preset.", param_hint="NETWORK"
        )
    if output is None and (network is None or repeat is not None or from_trial is not None):
        raise typer.BadParameter(
            "it is needed with --resume, --repeat, --from-trial and --from-preset.", param_hint="--output"
        )
    if resume and from_preset is not None:
        raise typer.BadParameter("it cannot go with --from-preset, which a run remembers.", param_hint="--resume")
    if len(asked) > 1:
        raise typer.BadParameter(f"it cannot go with {asked[1]}.", param_hint=asked[0])
    output = Path("runs", str(network)) if output is None else output
    given = network_options(options) | ({"network": network} if network else {})
    trial = None
    preset = None
    if from_preset is not None:
        preset = model_folder(from_preset)
        # One of the package goes by its name, so that the run can be repeated on another machine.
        is_shipped = preset in {known.folder for known in PRESETS.values()}
        options["from_preset"] = preset.name if is_shipped else str(preset.absolute())
    if resume and not RunFolder(output).configuration.is_file():
        raise FileNotFoundError(f"a run to resume must hold run.json, but there is no run at {output}.")
    if not asked:
        start = preset_config(preset) if preset is not None and network is None else None
        config = NetworkConfig(**given) if start is None else replace(start, **given)
        training = training_config(options, corpus_options)
    else:
        if from_trial is not None:
            trial = read_trial(from_trial)
            told = trial.network, trial.training
        else:
            told = read_recipe(output if repeat is None else repeat)
        config, training = replace(told[0], **given), training_config(options, corpus_options, told[1])
    if resume:
        check_resumable(output, config, training)
        if RunFolder(output).evaluation.is_file():
            typer.echo(finished_run(output), err=True)
    import_tensorflow()
    from rnnzoo.tuning import TrainingDiverged
    from rnnzoo.tuning import train as run_training
    from rnnzoo.tuning.devices import use_device
    from rnnzoo.tuning.diagnosis import GradientHealth

    watchers = [GradientHealth(csv=RunFolder(output).signs)] if watch_gradients else []
    strategy = use_device(device)
    try:
        with nullcontext() if strategy is None else strategy.scope():
            run_training(config, training, output, resume=resume, callbacks=watchers)
    except KeyboardInterrupt:
        if not RunFolder(output).configuration.is_file():
            raise
        raise interrupted_run(output) from None
    except TrainingDiverged as diverged:
        raise diverged_run(output, diverged, training.rate) from diverged
    except Exception as error:
        unwritten = file_error(error)
        if unwritten is None or not RunFolder(output).configuration.is_file():
            raise
        raise unwritten_run(output, unwritten) from error
    reached = read_evaluation(output)
    typer.echo(f"{output}: test {reached}, best after epoch {reached.epoch}.")
    if trial is not None and (config, training) == (trial.network, trial.training):
        typer.echo(trial.compared(read_validation_loss(output)))
