"""`rnnzoo evaluate`: how well a network predicts a text."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.recipe import read_recipe, training_config
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="RUN|PRESET", help="The folder of a run or of a preset.")],
    corpus: Annotated[
        str | None,
        typer.Option(help="As for `rnnzoo train`; a run's own by default.", rich_help_panel="Text"),
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
) -> None:
    """Measure a network on a text: perplexity, bits per word, and how often it knew the next word.

    Examples:

      rnnzoo evaluate runs/lstm

      rnnzoo evaluate runs/lstm --corpus my-texts/ --split valid --json
    """
    folder = model_folder(model)
    is_run = (model / "run.json").is_file()
    if corpus is None and not is_run:
        raise typer.BadParameter("a preset has no corpus of its own, name one.", param_hint="--corpus")
    base = read_recipe(model)[1] if is_run else TrainingConfig()
    training = training_config({"corpus": corpus, "batch_size": batch_size}, corpus_options, base)
    import_tensorflow()
    from rnnzoo.models import LanguageModel
    from rnnzoo.tuning import evaluate as measure
    from rnnzoo.tuning import open_corpus
    from rnnzoo.tuning.corpora.token_files import tokens
    from rnnzoo.tuning.prepared_corpus import token_cache

    text = open_corpus(training.corpus, **training.corpus_options)
    language_model = LanguageModel.from_preset(folder)
    token_ids = tokens(text, language_model.vocabulary, split, token_cache())
    figures = measure(language_model, token_ids, training.batch_size, training.window)
    if as_json:
        typer.echo(json.dumps(figures.as_dict()))
    else:
        typer.echo(
            f"{training.corpus}, {split}, {figures.tokens:,} tokens: perplexity {figures.perplexity:.1f}, "
            f"{figures.bits_per_word:.2f} bits per word, right {figures.top1:.1%}, "
            f"among the first five {figures.top5:.1%}"
        )
