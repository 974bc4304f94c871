"""`rnnzoo tune`: which values of the hyperparameters learn best."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnzoo.commands.asked_search import asked_search
from rnnzoo.commands.configuration import options_from
from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.durations import parse_duration
from rnnzoo.commands.going_on import unwritten
from rnnzoo.commands.mistakes import InterruptionError
from rnnzoo.commands.quiet import import_tensorflow, start_quietly
from rnnzoo.commands.recipe import PANELS
from rnnzoo.commands.refusals import refuse_without
from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.workers.roles import PATIENCE
from rnnzoo.tuning.search.workers.sharing import Sharing
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["tune"]


@options_from(NetworkConfig, TrainingConfig, panels=PANELS)
def tune(
    network: Annotated[
        list[str] | None,
        typer.Argument(metavar="NETWORK...", help=f"Of {', '.join(NETWORKS)}. Not needed with --resume."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The search's folder; searches/NETWORK by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the search in --output, as it was begun.")
    ] = False,
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="NAME=LOW:HIGH[:log]",
            help="Search over a range, or over choices, NAME=ONE,TWO; given once for each name. Without any: "
            "learning_rate=1e-5:1e2:log and clipnorm=1e-2:1e2:log, but for options that are given.",
            rich_help_panel="Search",
        ),
    ] = None,
    fixes: Annotated[
        list[str] | None,
        typer.Option(
            "--fix", metavar="NAME=VALUE", help="A value that holds in every trial.", rich_help_panel="Search"
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="full|FILE",
            help="What --range and --fix narrow: all that means something to the network, or a TOML file with lines "
            'such as learning_rate = "1e-5:1e2:log", units = [64, 128], optimizer = "adam".',
            rich_help_panel="Search",
        ),
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(
            metavar="random|bayesian|hyperband|grid", help="KerasTuner's. Default: random.", rich_help_panel="Search"
        ),
    ] = None,
    max_trials: Annotated[
        int | None,
        typer.Option(help="The most trials in all; more extend a search. Default: 20.", rich_help_panel="Search"),
    ] = None,
    time_budget: Annotated[
        str | None,
        typer.Option(
            metavar="90s|45m|2h",
            help="After that no trial begins, and those that run end with the score that they have.",
            rich_help_panel="Search",
        ),
    ] = None,
    pruning: Annotated[
        str | None,
        typer.Option(
            metavar="none|median|halving",
            help="End trials early that are worse than others were at the same moment: than half of them, or than the "
            "best third at a ninth and at a third of the training. Default: none.",
            rich_help_panel="Search",
        ),
    ] = None,
    report_every: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS", help="Steps between two looks at a trial; a twentieth of it.", rich_help_panel="Search"
        ),
    ] = None,
    watch_gradients: Annotated[
        bool,
        typer.Option(
            "--watch-gradients",
            help="Let each trial's verdict see dead and saturated units, too; costs some time.",
            rich_help_panel="Search",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Run trials in so many processes at once, each in a fresh one; without it, one after the other in "
            "this one.",
            rich_help_panel="Workers",
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Take workers of other machines, too, which share the folder --output; alone, only those.",
            rich_help_panel="Workers",
        ),
    ] = None,
    chief: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Work for the search that listens there: the same command otherwise, and the same folder --output.",
            rich_help_panel="Workers",
        ),
    ] = None,
    trials_per_process: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The trials after which a worker gives way to a fresh process: more save the seconds that it takes to "
            "start, fewer save memory. Default: 1.",
            rich_help_panel="Workers",
        ),
    ] = None,
    chief_patience: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help=f"How long workers wait for a chief that is silent. Default: {PATIENCE:g}.",
            rich_help_panel="Workers",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|gpu|gpus|tpu",
            help="What a trial runs on: one device, all GPUs together, or a TPU; auto gives each worker its own GPU "
            "if there is one.",
            rich_help_panel="Workers",
        ),
    ] = "auto",
    corpus_options: CorpusOptions = None,
    **options: Any,
) -> None:
    """Search for the hyperparameters with which a network, or the best of several, learns a corpus best.

    A trial that blows up ends at once and counts as a bad one. The other options say what all trials share: --epochs
    is the most epochs of a trial, --patience ends one that gets no better, --seed is that of each training and of the
    algorithm.

    Examples:

      rnnzoo tune irnn --corpus python-docs --epochs 1

      rnnzoo tune lstm gru --range learning_rate=1:50:log --range units=100,200 --algorithm bayesian --pruning halving

      rnnzoo tune irnn --space full --fix optimizer=adam --range layers=1:2 --time-budget 2h

      rnnzoo tune lstm --workers 4 --output searches/lstm

      rnnzoo tune --resume --output searches/lstm

      rnnzoo train --from-trial searches/irnn -o runs/irnn
    """
    sharing = None
    if workers is None and listen is None and chief is None:
        of_workers = {"--trials-per-process": trials_per_process, "--chief-patience": chief_patience}
        given = [name for name, value in of_workers.items() if value is not None]
        refuse_without("--workers, --listen or --chief", *given)
    else:
        sharing = Sharing(
            workers=workers,
            listen=listen,
            chief=chief,
            trials_per_process=1 if trials_per_process is None else trials_per_process,
            patience=PATIENCE if chief_patience is None else chief_patience,
            before=start_quietly,
        )
    if not network and not resume:
        raise typer.BadParameter("it is needed, unless there is --resume.", param_hint="NETWORK")
    if not network and output is None:
        raise typer.BadParameter("it is needed with --resume.", param_hint="--output")
    seconds = None if time_budget is None else parse_duration(time_budget)
    output = Path("searches", "-".join(network or ())) if output is None else output
    asked = asked_search(
        network or (),
        options,
        corpus_options,
        begun=output if resume else None,
        space=space,
        ranges=ranges or (),
        fixes=fixes or (),
        algorithm=algorithm,
        max_trials=max_trials,
        pruning=pruning,
        report_every=report_every,
        watch_gradients=watch_gradients,
    )
    import_tensorflow()
    from rnnzoo.tuning.search import search
    from rnnzoo.tuning.search.board import Board
    from rnnzoo.tuning.search.durable_state import DiskError

    try:
        with Board(output, asked.max_trials) as board:
            result = search(
                asked.networks,
                asked.training,
                output,
                asked.space,
                algorithm=asked.algorithm,
                max_trials=asked.max_trials,
                pruning=asked.pruning,
                report_every=asked.report_every,
                time_budget=seconds,
                watch_gradients=asked.watch_gradients,
                resume=resume,
                report=board.trial_over,
                notify=board.say,
                sharing=sharing,
                device=device,
            )
    except (KeyboardInterrupt, DiskError) as end:
        if not SearchFolder(output).identity.is_file():
            raise
        # What search.json does not hold: how long, and who works where.
        anew = {
            "--time-budget": time_budget,
            "--workers": workers,
            "--listen": listen,
            "--chief": chief,
            "--trials-per-process": trials_per_process,
            "--chief-patience": chief_patience,
            "--device": None if device == "auto" else device,
        }
        words = [str(word) for name, value in anew.items() if value is not None for word in (name, value)]
        command = shlex.join(["rnnzoo", "tune", "--resume", "--output", str(output), *words])
        if isinstance(end, DiskError):
            raise unwritten(end, command) from end
        raise InterruptionError(f"Interrupted. Go on with: {command}") from None
    if result.best is None:
        raise ValueError("no trial came to an end: all diverged or failed; search lower learning rates.")
    command = shlex.join(["rnnzoo", "train", "--from-trial", str(output)])
    typer.echo(f"Trial {result.best.number} was best. Train it with: {command} --output …")
