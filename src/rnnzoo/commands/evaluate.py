"""`rnnzoo evaluate`: how well a network predicts a text."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnzoo.commands.cache_options import (
    CacheShare,
    CacheSharpness,
    CacheSize,
    UseCache,
    chosen_cache,
)
from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.dynamic_options import (
    Dynamic,
    DynamicDecay,
    DynamicRate,
    DynamicRule,
    DynamicSegment,
    chosen_dynamics,
)
from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.recipe import has_recipe, read_recipe, training_config, without_corpus
from rnnzoo.commands.refusals import refuse_without
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN|PRESET", help="The folder of a run or of a preset, or a name of `rnnzoo list`."),
    ],
    corpus: Annotated[
        str | None,
        typer.Option(
            help="As for `rnnzoo train`; by default that of the run, or that a preset of the package was trained on.",
            rich_help_panel="Text",
        ),
    ] = None,
    corpus_options: CorpusOptions = None,
    split: Annotated[
        str, typer.Option(metavar="train|valid|test", help="Which part of it.", rich_help_panel="Text")
    ] = "test",
    batch_size: Annotated[
        int | None,
        typer.Option(help="How many places of the text are read at once; as in the run, or 20. 1 is the most exact."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON, for programs.")] = False,
    neural_cache: UseCache = False,
    cache_size: CacheSize = None,
    cache_sharpness: CacheSharpness = None,
    cache_share: CacheShare = None,
    dynamic: Dynamic = False,
    dynamic_rule: DynamicRule = None,
    dynamic_rate: DynamicRate = None,
    dynamic_decay: DynamicDecay = None,
    dynamic_segment: DynamicSegment = None,
    tune_on_validation: Annotated[
        bool,
        typer.Option(
            "--tune-on-validation",
            help="Choose the cache's sharpness and share, and the dynamic rate and decay, on the validation split; "
            "numbers that are given stay.",
        ),
    ] = False,
) -> None:
    """Measure a network on a text: perplexity, bits per word, and how often it knew the next word.

    Perplexities compare only between networks that know the same words: over fewer it is lower by itself.

    What the network reaches beside that with a neural cache (Grave et al. 2017), or when it goes on learning from the
    text (Krause et al. 2018), is reported apart: a second and a third line, or `neural_cache` and `dynamic` in the
    JSON. Dynamic evaluation reads the text in its order, in one row, and takes minutes.

    Examples:

      rnnzoo evaluate runs/lstm

      rnnzoo evaluate gru_wikitext2 --corpus my-texts/ --split valid --json

      rnnzoo evaluate runs/lstm --neural-cache --dynamic --tune-on-validation
    """
    cache = chosen_cache(neural_cache, cache_size, cache_sharpness, cache_share)
    dynamics = chosen_dynamics(dynamic, dynamic_rule, dynamic_rate, dynamic_decay, dynamic_segment)
    if tune_on_validation:
        if cache is None and dynamics is None:
            refuse_without("--neural-cache or --dynamic", "--tune-on-validation")
        if split == "valid":
            raise typer.BadParameter("what was tuned on the validation split says nothing there.", param_hint="--split")
    folder = model_folder(model)
    knows_corpus = has_recipe(model)
    if corpus is None and not knows_corpus:
        raise without_corpus(model)
    base = read_recipe(model)[1] if knows_corpus else TrainingConfig()
    training = training_config({"corpus": corpus, "batch_size": batch_size}, corpus_options, base)
    given = {"sharpness": cache_sharpness, "share": cache_share, "rate": dynamic_rate, "decay": dynamic_decay}
    tuned = {name for name, value in given.items() if tune_on_validation and value is None}
    import_tensorflow()
    from rnnzoo.commands.readings import MeasuredText, readings
    from rnnzoo.models import LanguageModel
    from rnnzoo.tuning import open_corpus

    text = open_corpus(training.corpus, **training.corpus_options)
    measured = MeasuredText(text, LanguageModel.from_preset(folder), training, split)
    run = RunFolder(model)
    is_its_own = corpus is None and not corpus_options and run.configuration.is_file()
    if is_its_own and measured.differs_from(run.read_configuration()[2]):
        typer.echo(f"Warning: {training.corpus} has changed since {model} was trained on it.", err=True)
    figures: dict[str, Any] = {}
    for reading in readings(measured, cache, dynamics, tuned):
        figures |= reading.figures
        if not as_json:
            typer.echo(reading.line)  # at once: what comes next may take minutes, and be interrupted
    if as_json:
        typer.echo(json.dumps(figures))
