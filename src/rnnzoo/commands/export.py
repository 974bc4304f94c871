"""`rnnzoo export`: a network as a SavedModel."""

from pathlib import Path
from typing import Annotated

import typer

from rnnzoo.atomic_files import named_in_errors
from rnnzoo.commands.cache_options import CacheShare, CacheSharpness, CacheSize, UseCache, chosen_cache
from rnnzoo.commands.ending import TERMINATED, ended_by_sigterm
from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.quiet import import_tensorflow

__all__ = ["export"]


@ended_by_sigterm(TERMINATED)
def export(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN|PRESET", help="The folder of a run or of a preset, or a name of `rnnzoo list`."),
    ],
    destination: Annotated[Path, typer.Argument(help="The folder that gets a numbered version.")],
    version: Annotated[
        int | None, typer.Option(help="The number of the version; one more than the latest there by default.")
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(help="How many next words the export answers with; 10 by default, or all where there are fewer."),
    ] = None,
    neural_cache: UseCache = False,
    cache_size: CacheSize = None,
    cache_sharpness: CacheSharpness = None,
    cache_share: CacheShare = None,
) -> None:
    """Write a network as a SavedModel, for `rnnzoo serve`, TensorFlow Serving or KServe.

    Examples:

      rnnzoo export runs/lstm exports/lstm

      rnnzoo export runs/lstm exports/lstm --version 7 --top-k 50

      rnnzoo export runs/lstm exports/lstm --neural-cache --cache-share 0.2
    """
    cache = chosen_cache(neural_cache, cache_size, cache_sharpness, cache_share)
    folder = model_folder(model)
    import_tensorflow()
    from rnnzoo.serving import export_model

    with named_in_errors(destination):
        exported = export_model(folder, destination, version, top_k=top_k, neural_cache=cache)
    typer.echo(f"Exported to {exported}.")
