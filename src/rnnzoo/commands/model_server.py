"""`rnnzoo-model-server`: stands where `tensorflow_model_server` stood, with the same flags."""

import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version

from rnnzoo import __version__
from rnnzoo.commands.ending import ended_by_sigterm
from rnnzoo.commands.mistakes import INTERRUPTED
from rnnzoo.commands.quiet import import_tensorflow, quiet
from rnnzoo.commands.streams import open_streams
from rnnzoo.serving.server.stock.flags import WrongFlagError, parse_flags

__all__ = ["main"]

_FAILED = 255  # what a shell sees of tensorflow_model_server's -1


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C, then answer what is under way and leave with 0.

    Args:
        arguments: the flags; the process's own by default.

    Raises:
        SystemExit: always; 255 with one line on standard error if the server cannot start.
    """
    open_streams()
    try:
        flags = parse_flags(sys.argv[1:] if arguments is None else arguments)
    except WrongFlagError as error:
        _fail(f"{error} See rnnzoo-model-server --help.")
    if flags.version:
        print(f"TensorFlow ModelServer: rnnzoo {__version__}\nTensorFlow Library: {version('tensorflow')}")
        sys.exit(0)
    quiet()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s", stream=sys.stderr)
    import_tensorflow()
    from rnnzoo.serving.server.observation.observing import write_bare_lines
    from rnnzoo.serving.server.process import Server, run
    from rnnzoo.serving.server.status import StatusError, code_name
    from rnnzoo.serving.server.stock.model_server import make_model_server

    def ready(server: Server) -> None:
        # The words that scripts wait for.
        if server.settings.port is not None:
            logging.info("Running gRPC ModelServer at %s ...", server.address)
        if server.settings.grpc_socket_path:
            logging.info("Running gRPC ModelServer at UNIX socket %s ...", server.settings.grpc_socket_path)
        if server.settings.rest_api_port is not None:
            logging.info("Exporting HTTP/REST API at:localhost:%d ...", server.settings.rest_api_port)

    if flags.log_requests:
        write_bare_lines()
    try:
        with ended_by_sigterm(0):  # until `run` hears it: models may take minutes to load
            run(make_model_server(flags), ready=ready)
    except StatusError as error:
        _fail(f"Failed to start server. Error: {code_name(error.code)}: {error.message}")
    except OSError as error:
        _fail(f"Failed to start server. Error: {error}")
    except ValueError as error:
        _fail(f"Failed to start server. Error: INVALID_ARGUMENT: {error}")
    except KeyboardInterrupt:  # while it waited for its models
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _fail(line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr, flush=True)
    sys.exit(_FAILED)
