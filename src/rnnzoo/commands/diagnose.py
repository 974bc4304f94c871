"""`rnnzoo diagnose`: how far back a network learns, and what would cure it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnzoo.commands.corpus_options import CorpusOptions
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.recipe import training_config, without_corpus
from rnnzoo.commands.subject import Subject, vocabulary_of
from rnnzoo.commands.typed_texts import check_is_unicode
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.training_config import TrainingConfig

if TYPE_CHECKING:
    from rnnzoo.tuning.diagnosis.diagnoses import Diagnosis

__all__ = ["diagnose"]


def diagnose(
    models: Annotated[
        list[Path],
        typer.Argument(metavar="RUN|PRESET|MODEL.keras...", help="What to look at; several with --compare."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the page.")] = Path("diagnosis"),
    compare: Annotated[bool, typer.Option("--compare", help="Several networks, overlaid, on one page.")] = False,
    corpus: Annotated[
        str | None,
        typer.Option(
            help="As for `rnnzoo train`; by default that of the first run or preset of the package.",
            rich_help_panel="Text",
        ),
    ] = None,
    corpus_options: CorpusOptions = None,
    split: Annotated[
        str, typer.Option(metavar="train|valid|test", help="Which part of it.", rich_help_panel="Text")
    ] = "test",
    vocabulary_limit: Annotated[
        int | None,
        typer.Option(
            help="For a Keras model: of the corpus's words the most frequent; by default as many as it has vectors.",
            rich_help_panel="Text",
        ),
    ] = None,
    sentence: Annotated[
        str | None,
        typer.Option(
            help="Whose words are shaded by how much they moved its last one; one of the corpus by default.",
            callback=check_is_unicode,
            rich_help_panel="Text",
        ),
    ] = None,
    lags: Annotated[int, typer.Option(help="How many words back to look.")] = 200,
    positions: Annotated[int, typer.Option(help="How many single losses to follow back.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the positions.")] = 0,
    needed_lag: Annotated[int, typer.Option(help="How many words back the network is to learn from.")] = 20,
    before_training: Annotated[
        bool,
        typer.Option(help="Measure what training began with, too, a new network or a preset: whether that explodes."),
    ] = True,
    signs: Annotated[
        Path | None,
        typer.Option(help="What GradientHealth(csv=…) wrote in training; that of --watch-gradients by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as JSON, for programs.")] = False,
) -> None:
    """Say how far back a network learns and what to try, and write a page with pictures, as PNG and SVG, too.

    Examples:

      rnnzoo diagnose runs/lstm --output pages/lstm

      rnnzoo diagnose model.keras --corpus python-docs

      rnnzoo diagnose --compare runs/simple_rnn_tanh runs/irnn runs/lstm
    """
    if len(models) > 1 and not compare:
        raise typer.BadParameter("it is needed for several networks.", param_hint="--compare")
    if len(models) < 2 and compare:
        raise typer.BadParameter("it needs several networks.", param_hint="--compare")
    if len(models) > 1 and signs is not None:
        raise typer.BadParameter("it belongs to one network.", param_hint="--signs")
    subjects = [Subject.at(path) for path in models]
    first = subjects[0].training
    if corpus is None and first is None:
        raise without_corpus(models[0])
    chosen = training_config({"corpus": corpus}, corpus_options, first or TrainingConfig())
    import_tensorflow()
    from rnnzoo.tuning import open_corpus
    from rnnzoo.tuning.diagnosis.page import NUMBERS, write_page
    from rnnzoo.tuning.pages.page_folder import check_page_folder

    text = open_corpus(chosen.corpus, **chosen.corpus_options)
    check_page_folder(output, NUMBERS)
    asked = {"lags": lags, "positions": positions, "seed": seed, "needed_lag": needed_lag}
    diagnoses = []
    for subject, name in zip(subjects, _names(subjects), strict=True):
        diagnosed, sentence = _diagnosed(
            subject, name, text, split, sentence, signs, vocabulary_limit, before_training, asked
        )
        diagnoses.append(diagnosed)
    commands = {
        (diagnosed.name, remedy): subject.command(remedy, chosen.corpus, subject.network or diagnosed.network)
        for subject, diagnosed in zip(subjects, diagnoses, strict=True)
        for remedy in diagnosed.remedies
    }
    page = write_page(
        diagnoses,
        output,
        text=f"{chosen.corpus}, {split}",
        command=lambda diagnosed, remedy: commands[diagnosed.name, remedy],
    )
    if as_json:
        typer.echo((output / NUMBERS).read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo("\n".join(line for diagnosed in diagnoses for line in _told(diagnosed, commands)))
        typer.echo(f"Page: {page}")


def _diagnosed(
    subject: Subject,
    name: str,
    corpus: Any,
    split: str,
    sentence: str | None,
    signs: Path | None,
    vocabulary_limit: int | None,
    before_training: bool,
    asked: Mapping[str, int],
) -> tuple["Diagnosis", str | None]:
    """The diagnosis, and the sentence that it chose if there was none."""
    from rnnzoo.models import LanguageModel
    from rnnzoo.tuning.corpora.prepared_corpus import token_cache
    from rnnzoo.tuning.corpora.token_files import tokens
    from rnnzoo.tuning.diagnosis import diagnose as measure
    from rnnzoo.tuning.diagnosis import read_signs
    from rnnzoo.tuning.diagnosis.sample_sentences import sample_sentence

    model = subject.load()
    vocabulary = vocabulary_of(model, corpus, vocabulary_limit)
    token_ids = tokens(corpus, vocabulary, split, token_cache())
    of_zoo = isinstance(model, LanguageModel)
    before = subject.before_training(model) if of_zoo and before_training else None
    if of_zoo and sentence is None:
        sentence = sample_sentence(corpus.lines(split), vocabulary)
    if signs is None and subject.training is not None and RunFolder(subject.path).signs.is_file():
        signs = RunFolder(subject.path).signs
    diagnosis = measure(
        model,
        token_ids,
        name=name,
        text=sentence if of_zoo else None,
        signs=None if signs is None else read_signs(signs),
        before=before,
        network=subject.network,
        training=subject.training,
        progress=_progress(name),
        **asked,
    )
    return diagnosis, sentence


def _names(subjects: Sequence[Subject]) -> list[str]:
    """Short names where they differ, paths where they do not."""
    names = [subject.name for subject in subjects]
    return names if len(set(names)) == len(names) else [str(subject.path) for subject in subjects]


def _told(diagnosis: "Diagnosis", commands: Mapping[Any, str | None]) -> list[str]:
    lines = [f"{diagnosis.name}: {diagnosis.verdict.name}"]
    lines += [f"  {finding.name}: {finding.reason}" for finding in diagnosis.verdict.findings]
    for number, remedy in enumerate(diagnosis.remedies, 1):
        lines += [f"  {number}. {remedy.name}: {remedy.reason}"]
        lines += [f"     {commands[diagnosis.name, remedy] or remedy.keras}"]
    return lines


def _progress(name: str) -> Callable[[str], None] | None:
    if not sys.stderr.isatty():
        return None
    return lambda line: typer.echo(f"{name}: {line} …", err=True)
