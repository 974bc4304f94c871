"""`rnnzoo serve`: answers requests for an exported network."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from rnnzoo.commands.ending import ended_by_sigterm
from rnnzoo.commands.quiet import import_tensorflow
from rnnzoo.models.presets import PRESETS
from rnnzoo.serving.server.defaults import DEFAULT_PORT, PREFIX_CACHE_BYTES, PROMETHEUS_PATH

__all__ = ["serve"]


@ended_by_sigterm(0)  # until `run` hears it: models may take minutes to load
def serve(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EXPORT]",
            help="What `rnnzoo export` wrote, or any folder of numbered SavedModels.",
            show_default=False,
        ),
    ] = None,
    model_config_file: Annotated[
        Path | None,
        typer.Option(
            help="Instead of EXPORT: TensorFlow Serving's list of models, with their versions and labels. It is read "
            "again every second, and followed where it has changed."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="The gRPC port; 0 finds a free one.")] = DEFAULT_PORT,
    rest_port: Annotated[
        int | None,
        typer.Option(
            help="The HTTP port, with the REST API and a page to try the model out; 0 finds a free one. One above the "
            "gRPC port by default.",
            show_default=False,
        ),
    ] = None,
    rest: Annotated[bool, typer.Option(help="Whether to listen for HTTP at all.")] = True,
    host: Annotated[str, typer.Option(help="The interface; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    model_name: Annotated[str, typer.Option(help="The name that requests call the model by.")] = "default",
    ssl_config_file: Annotated[
        Path | None, typer.Option(help="TensorFlow Serving's TLS file (key, certificate, authorities), for gRPC.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many requests run at once; four per processor by default.")
    ] = None,
    batching: Annotated[
        bool, typer.Option(help="Run requests that wait at the same time as one, for exports of rnnzoo's own.")
    ] = True,
    prefix_cache: Annotated[
        bool,
        typer.Option(help="Keep the states behind recent texts, 64 MiB of them, for texts that go on from one."),
    ] = True,
    monitoring: Annotated[
        bool, typer.Option(help=f"Metrics for Prometheus at {PROMETHEUS_PATH} on the HTTP port.")
    ] = False,
    log_requests: Annotated[
        bool, typer.Option(help="One line of JSON a request on stderr, with where its time went.")
    ] = False,
    keep_requests: Annotated[
        Path | None,
        typer.Option(help="A folder for requests and answers, in files that warm up a model when it is loaded."),
    ] = None,
    keep_share: Annotated[float, typer.Option(help="The share of the requests that is kept there.")] = 1.0,
) -> None:
    """Serve an exported network by TensorFlow Serving's protocol, gRPC and REST, until Ctrl-C.

    New versions are picked up.

    Examples:

      rnnzoo serve exports/lstm

      rnnzoo serve exports/lstm --port 9000 --model-name lstm

      rnnzoo serve exports/lstm --monitoring --log-requests

      rnnzoo serve --model-config-file models.config
    """
    if (model is None) == (model_config_file is None):
        raise ValueError("rnnzoo serve must be given an export or --model-config-file, one of the two.")
    if model is not None:
        _refuse_unexported(model)
    if not 0 <= keep_share <= 1:
        raise typer.BadParameter(f"it must be between 0 and 1, but got {keep_share:g}.", param_hint="--keep-share")
    if rest_port is not None and not 0 <= rest_port <= 65535:
        raise typer.BadParameter(f"it must be between 0 and 65535, but got {rest_port}.", param_hint="--rest-port")
    import_tensorflow()
    from rnnzoo.serving.server.calls.model_management import read_model_config
    from rnnzoo.serving.server.process import Server, make_server, run
    from rnnzoo.serving.server.rest.port import RestPort
    from rnnzoo.serving.server.stock.tls import read_server_credentials

    def ready(server: Server) -> None:
        names = ", ".join(server.repository.names)
        typer.echo(f"{names} is served on {server.address}; Ctrl-C ends it.")
        for part in server.parts:
            if isinstance(part, RestPort):
                typer.echo(f"Try it out at http://{part.address}/.")

    if rest_port is None:
        rest_port = port + 1 if port else 0  # 8501 beside 8500, as TensorFlow Serving's image has it
    server = make_server(
        model or read_model_config(str(model_config_file)),
        model_name=model_name,
        host=host,
        port=port,
        server_credentials=None if ssl_config_file is None else read_server_credentials(ssl_config_file),
        model_config_file="" if model_config_file is None else str(model_config_file),
        model_config_file_poll_seconds=0.0 if model_config_file is None else 1.0,
        rest_api_port=rest_port if rest else None,
        workers=workers,
        batching="own" if batching else "off",
        prefix_cache_bytes=PREFIX_CACHE_BYTES if prefix_cache else 0,
        monitoring_path=PROMETHEUS_PATH if monitoring else None,
        log_requests=log_requests,
        request_log_folder="" if keep_requests is None else str(keep_requests),
        request_log_sampling_rate=keep_share,
    )
    run(server, ready=ready)


def _refuse_unexported(model: Path) -> None:
    """Raise a ValueError that says what to do with a run or a preset."""
    is_run = any((model / name).is_file() for name in ("run.json", "config.json"))
    if not is_run and (model.exists() or str(model) not in PRESETS):
        return
    destination = str(Path("exports", model.resolve().name))
    first, second = (shlex.join(words) for words in (["export", str(model), destination], ["serve", destination]))
    raise ValueError(f"{model} is not exported: rnnzoo {first} && rnnzoo {second}")
