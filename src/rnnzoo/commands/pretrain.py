"""`rnnzoo pretrain`: the package's presets, trained, measured and packed as they were."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnzoo.atomic_files import check_is_writable
from rnnzoo.commands.mistakes import InterruptionError
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.models.presets import PRESETS, nearest_presets
from rnnzoo.tuning.pretraining.commands import train_command
from rnnzoo.tuning.pretraining.recipes import RECIPES
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.search.search_folder import SearchFolder

if TYPE_CHECKING:
    from rnnzoo.tuning.pretraining.recipes import Stage

__all__ = ["pretrain"]


def pretrain(
    presets: Annotated[
        list[str] | None, typer.Argument(metavar="[PRESET]...", help="Names of `rnnzoo list`; all, if none is given.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that gets a folder for each preset.")
    ] = Path("pretrained"),
    runs: Annotated[
        Path, typer.Option(help="The folder of their training runs; finished ones are not repeated.")
    ] = Path("runs"),
    search: Annotated[
        bool,
        typer.Option(
            "--search",
            help="First try other learning rates and clips around each recipe's, for an epoch or less, and tell in the "
            "card what they came to.",
        ),
    ] = False,
) -> None:
    """Train presets as those of the package were, one after the other, measure and pack them, and write their cards.

    A quarter of an hour for a small one, four hours for the large one. Interrupted, the same command goes on.

    Examples:

      rnnzoo pretrain gru_wikitext2

      rnnzoo pretrain --search --output pretrained --runs runs
    """
    names = presets or list(PRESETS)
    unknown = sorted(set(names) - set(RECIPES))
    if unknown:
        raise typer.BadParameter(
            f"it must be a preset of the package, but got {unknown[0]}.{nearest_presets(unknown[0])}",
            param_hint="PRESET",
        )
    for name in names:
        check_is_writable(output / name)
    import_tensorflow()
    for name in names:
        stages = RECIPES[name].runs(str(runs / name))
        try:
            searched = _search(runs / f"{name}-search", stages[0][1]) if search else None
            for folder, stage in stages:
                _train(Path(folder), stage)
        except KeyboardInterrupt:
            asked = ["--search"] if search else []
            again = shlex.join(["rnnzoo", "pretrain", *names, *asked, "--output", str(output), "--runs", str(runs)])
            raise InterruptionError(f"Interrupted. Go on with: {again}") from None
        perplexity = _ship(output / name, stages, searched)
        typer.echo(f"{output / name}: test perplexity {perplexity:.1f}.")


def _search(folder: Path, stage: "Stage") -> dict[str, Any]:
    from rnnzoo.tuning.pretraining.rate_search import RateSearch
    from rnnzoo.tuning.search import search

    asked = RateSearch.around(stage)
    typer.echo(asked.command(str(folder)), err=True)
    result = search(
        [asked.network],
        asked.training,
        folder,
        asked.space,
        algorithm=asked.algorithm,
        max_trials=asked.max_trials,
        pruning=asked.pruning,
        resume=SearchFolder(folder).identity.is_file(),
        report=lambda line: typer.echo(line, err=True),
    )
    return asked.facts(result)


def _train(folder: Path, stage: "Stage") -> None:
    from rnnzoo.tuning import train

    typer.echo(train_command(stage.network, stage.training, str(folder)), err=True)
    training = stage.training
    if training.from_preset is not None:  # as `rnnzoo train` writes it down: a run of that command is not repeated
        training = replace(training, from_preset=str(Path(training.from_preset).absolute()))
    train(stage.network, training, folder, resume=RunFolder(folder).configuration.is_file())


def _ship(preset: Path, stages: "list[tuple[str, Stage]]", searched: dict[str, Any] | None) -> float:
    from rnnzoo.atomic_files import write_json, write_whole
    from rnnzoo.models import LanguageModel
    from rnnzoo.tuning.corpora.prepared_corpus import prepare_corpus
    from rnnzoo.tuning.pretraining.card_figure import card_figure
    from rnnzoo.tuning.pretraining.card_page import card_page
    from rnnzoo.tuning.pretraining.cards import measure_card

    folders = [Path(folder) for folder, _ in stages]
    LanguageModel.from_preset(folders[-1] / "model").save_to_preset(preset, packed=True)
    corpus = prepare_corpus(stages[-1][1].training)
    card = measure_card(preset, folders, RECIPES[preset.name].stages, corpus)
    if searched is not None:
        write_json(preset / "search.json", searched, indent=1)
    write_json(preset / "card.json", card, indent=1)
    write_whole(preset / "curves.png", card_figure(card, preset.name).png())
    write_whole(preset / "README.md", card_page(preset.name, card, searched).encode())
    return float(card["test"]["perplexity"])
