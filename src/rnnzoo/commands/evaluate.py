"""`rnnzoo evaluate`: how well a network predicts a text."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from rnnzoo.commands.recipe import has_recipe, read_recipe, training_config
from rnnzoo.commands.refusals import refuse_without
from rnnzoo.tuning.training_config import TrainingConfig

if TYPE_CHECKING:
    from rnnzoo.tuning.evaluation import Evaluation

__all__ = ["evaluate"]

# Each trial of a dynamic evaluation's numbers reads so many words of the validation split.
_TUNING_TOKENS = 10_000


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN|PRESET", help="The folder of a run or of a preset, or a name of `rnnzoo list`."),
    ],
    corpus: Annotated[
        str | None,
        typer.Option(help="As for `rnnzoo train`; a run's or a preset's own by default.", rich_help_panel="Text"),
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
        raise typer.BadParameter("a preset has no corpus of its own, name one.", param_hint="--corpus")
    base = read_recipe(model)[1] if knows_corpus else TrainingConfig()
    training = training_config({"corpus": corpus, "batch_size": batch_size}, corpus_options, base)
    import_tensorflow()
    from rnnzoo.models import LanguageModel
    from rnnzoo.tuning import evaluate as measure
    from rnnzoo.tuning import (
        evaluate_dynamically,
        evaluate_with_cache,
        gradient_scales,
        open_corpus,
        tune_dynamic_evaluation,
        tune_neural_cache,
    )
    from rnnzoo.tuning.corpora.token_files import tokens
    from rnnzoo.tuning.dynamic_evaluation import DECAYS
    from rnnzoo.tuning.neural_cache_evaluation import SHARES, SHARPNESSES
    from rnnzoo.tuning.prepared_corpus import token_cache

    text = open_corpus(training.corpus, **training.corpus_options)
    language_model = LanguageModel.from_preset(folder)
    sizes = training.batch_size, training.window

    def read(split: str) -> Any:
        return tokens(text, language_model.vocabulary, split, token_cache())

    token_ids = read(split)
    if cache is None:
        static = measure(language_model, token_ids, *sizes)
    else:
        if tune_on_validation:
            sharpnesses = SHARPNESSES if cache_sharpness is None else [cache.sharpness]
            shares = SHARES if cache_share is None else [cache.share]
            cache = tune_neural_cache(language_model, read("valid"), cache.size, *sizes, sharpnesses, shares)
        both = evaluate_with_cache(language_model, token_ids, cache, *sizes)
        static = both.static
    figures: dict[str, Any] = static.as_dict()
    lines = [f"{training.corpus}, {split}, {static.tokens:,} tokens: {_told(static)}"]
    if cache is not None:
        figures["neural_cache"] = {**asdict(cache), **both.cached.as_dict()}
        lines.append(
            f"with a neural cache of {cache.size:,} words (sharpness {cache.sharpness:g}, share {cache.share:g}): "
            f"{_told(both.cached)}"
        )
    if dynamics is not None:
        scales = gradient_scales(language_model, read("train")) if dynamics.rule == "rms" else None
        if tune_on_validation:
            rates = None if dynamic_rate is None else [dynamic_rate]
            decays = DECAYS if dynamic_decay is None else []
            valid = read("valid")[:_TUNING_TOKENS]
            dynamics = tune_dynamic_evaluation(language_model, valid, dynamics, scales, rates=rates, decays=decays)
        moving = evaluate_dynamically(language_model, token_ids, dynamics, scales)
        figures["dynamic"] = {**asdict(dynamics), "learning_rate": dynamics.rate, **moving.as_dict()}
        lines.append(
            f"learning as it reads ({dynamics.rule}, learning rate {dynamics.rate:g}, decay {dynamics.decay:g}, "
            f"a step every {dynamics.segment} words): {_told(moving)}"
        )
    typer.echo(json.dumps(figures) if as_json else "\n".join(lines))


def _told(figures: "Evaluation") -> str:
    return (
        f"perplexity {figures.perplexity:.1f}, {figures.bits_per_word:.2f} bits per word, right {figures.top1:.1%}, "
        f"among the first five {figures.top5:.1%}"
    )
