"""`rnnzoo serve`: answers requests for an exported network."""

from pathlib import Path
from typing import Annotated

import typer

from rnnzoo.commands.quiet import import_tensorflow

__all__ = ["serve"]


def serve(
    model: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="What `rnnzoo export` wrote, or any folder of numbered SavedModels."),
    ],
    port: Annotated[int, typer.Option(help="The gRPC port; 0 finds a free one.")] = 8500,
    host: Annotated[str, typer.Option(help="The interface; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    model_name: Annotated[str, typer.Option(help="The name that requests call the model by.")] = "default",
    workers: Annotated[
        int | None, typer.Option(help="How many requests run at once; four per processor by default.")
    ] = None,
) -> None:
    """Serve an exported network by TensorFlow Serving's protocol (gRPC), until Ctrl-C. New versions are picked up.

    Examples:

      rnnzoo serve exports/lstm

      rnnzoo serve exports/lstm --port 9000 --model-name lstm
    """
    import_tensorflow()
    from rnnzoo.serving.server.process import Server, make_server, run

    def ready(server: Server) -> None:
        typer.echo(f"{model_name} is served on {server.address}; Ctrl-C ends it.")

    run(make_server(model, model_name=model_name, host=host, port=port, workers=workers), ready=ready)
