"""`rnnzoo tune`: which values of the hyperparameters learn best."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rnnzoo.commands.configuration import options_from
from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.mistakes import InterruptionError
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.recipe import PANELS, network_options, training_config
from rnnzoo.models.architectures import ARCHITECTURES, NETWORKS, NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["tune"]


@options_from(NetworkConfig, TrainingConfig, panels=PANELS)
def tune(
    network: Annotated[list[str], typer.Argument(metavar="NETWORK...", help=f"Of {', '.join(NETWORKS)}.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The search's folder; searches/NETWORK by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in --output.")] = False,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="What to search over: a range low:high or low:high:log, or choices one,two,three; given once for each "
            "name. Default: learning_rate=1e-5:1e2:log and clipnorm=1e-2:1e2:log.",
            rich_help_panel="Search",
        ),
    ] = None,
    algorithm: Annotated[
        str, typer.Option(metavar="random|bayesian|hyperband|grid", help="KerasTuner's.", rich_help_panel="Search")
    ] = "random",
    max_trials: Annotated[
        int, typer.Option(help="The most trials in all; more extend a search.", rich_help_panel="Search")
    ] = 20,
    trial_epochs: Annotated[
        int | None, typer.Option(help="The most epochs of a trial; as --epochs by default.", rich_help_panel="Search")
    ] = None,
    search_seed: Annotated[
        int, typer.Option(help="Of the algorithm; --seed is that of each training.", rich_help_panel="Search")
    ] = 0,
    corpus_options: CorpusOptions = None,
    **options: Any,
) -> None:
    """Search for the hyperparameters with which a network, or the best of several, learns a corpus best.

    A trial that blows up ends at once and counts as a bad one. The other options say what all trials share.

    Examples:

      rnnzoo tune irnn --corpus python-docs --trial-epochs 1

      rnnzoo tune lstm gru --vary learning_rate=1:50:log --vary units=100,200

      rnnzoo train --repeat searches/irnn -o runs/irnn
    """
    output = Path("searches", "-".join(network)) if output is None else output
    training = training_config(options, corpus_options)
    networks = [_network_config(name, network_options(options), network) for name in network]
    import_tensorflow()
    from rnnzoo.tuning.search import search
    from rnnzoo.tuning.search.space import DEFAULT_SPACE

    space = DEFAULT_SPACE if vary is None else vary
    try:
        result = search(
            networks,
            training,
            output,
            space,
            algorithm=algorithm,
            max_trials=max_trials,
            epochs=trial_epochs,
            seed=search_seed,
            resume=resume,
            report=typer.echo,
        )
    except KeyboardInterrupt:
        raise InterruptionError("Interrupted. Go on with: the same command and --resume") from None
    if result.best is None:
        raise ValueError("no trial came to an end: all diverged or failed; search lower learning rates.")
    typer.echo(f"Trial {result.best.number} was best. Train it with: rnnzoo train --repeat {output} --output ...")


def _network_config(name: str, options: dict[str, Any], networks: list[str]) -> NetworkConfig:
    """An option that only some of the networks take is given to these."""
    others = [ARCHITECTURES[other].takes for other in networks if other != name and other in ARCHITECTURES]
    taken_by_others = frozenset().union(*others) - (ARCHITECTURES[name].takes if name in ARCHITECTURES else set())
    return NetworkConfig(
        network=name, **{option: value for option, value in options.items() if option not in taken_by_others}
    )
