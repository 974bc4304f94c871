"""`rnnzoo predict`: asks a server for next words."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from rnnzoo.commands.suggestion_table import suggestion_table
from rnnzoo.commands.typed_texts import check_is_unicode

__all__ = ["predict"]


def predict(
    texts: Annotated[
        list[str],
        typer.Argument(metavar="TEXT...", help="What was written so far; may be empty.", callback=check_is_unicode),
    ],
    server: Annotated[
        str, typer.Option(help="The server's gRPC address; it is asked without TLS.", rich_help_panel="Server")
    ] = "localhost:8500",
    model_name: Annotated[
        str, typer.Option("--model-name", "--model", help="The model's name there.", rich_help_panel="Server")
    ] = "default",
    model_version: Annotated[
        int | None, typer.Option(help="A version of the model; the newest by default.", rich_help_panel="Server")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the answer.", rich_help_panel="Server")] = 10.0,
    top_k: Annotated[int, typer.Option(help="How many words for each text.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each text, for programs.")] = False,
) -> None:
    """Ask a server for the likeliest next words: `rnnzoo serve`, TensorFlow Serving or KServe.

    Examples:

      rnnzoo predict "the game was"

      rnnzoo predict "the game was" "in the" --server example.org:8500 --json
    """
    from rnnzoo.serving import Client  # gRPC takes a while to import

    with Client(server, model_name, version=model_version, timeout=timeout) as client:
        answers = client.predict_next(texts, top_k)
    if as_json:
        for text, suggestions in zip(texts, answers, strict=True):
            typer.echo(json.dumps({"text": text, "suggestions": [asdict(one) for one in suggestions]}))
    else:
        Console().print(suggestion_table(texts, answers))
