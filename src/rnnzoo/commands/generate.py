"""`rnnzoo generate`: a network goes on with a text."""

from pathlib import Path
from typing import Annotated

import typer

from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.commands.typed_texts import check_is_unicode
from rnnzoo.commands.unknown_words import note_unknown_words

__all__ = ["generate"]


def generate(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN|PRESET", help="The folder of a run or of a preset, or a name of `rnnzoo list`."),
    ],
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="What to continue; an empty text starts anew.", callback=check_is_unicode
        ),
    ],
    max_words: Annotated[int, typer.Option(help="The most words to add.")] = 20,
    temperature: Annotated[
        float, typer.Option(help="Below 1 likelier words, above 1 bolder ones; 0 always the likeliest.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(help="Draw among so many of the likeliest words; 0 for all.")] = 0,
    top_p: Annotated[
        float, typer.Option(help="Draw among the likeliest words that hold this probability together; 1 for all.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="For the same continuation every time.")] = None,
) -> None:
    """Continue a text, up to the end of the sentence or line that the network writes.

    Examples:

      rnnzoo generate runs/lstm "the game was" --max-words 30

      rnnzoo generate runs/lstm "the game was" --temperature 0.8 --seed 1
    """
    folder = model_folder(model)
    import_tensorflow()
    from rnnzoo.models import LanguageModel, Sampler

    sampler = Sampler(temperature=temperature, top_k=top_k, top_p=top_p)
    loaded = LanguageModel.from_preset(folder)
    continuations = loaded.generate(texts, max_words, sampler, seed)
    note_unknown_words(loaded.vocabulary, texts)
    for text, continuation in zip(texts, continuations, strict=True):
        typer.echo(f"{text} {continuation}".strip())
