"""The server as a process: its port, its threads, its start and its end."""

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from pathlib import Path

import grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from rnnzoo.serving.server.grpc_services import PredictionService
from rnnzoo.serving.server.health import HealthService
from rnnzoo.serving.server.repository import Repository

__all__ = ["DEFAULT_PORT", "Server", "make_server", "run"]

DEFAULT_PORT = 8500  # TensorFlow Serving's own
_MOST_MESSAGE_BYTES = 2**31 - 1


class Server:
    """A server that holds its models and its port, and answers once it is started. Made by `make_server`.

    Attributes:
        port: the port it listens on; the one that was found where 0 was asked for.
        address: `host:port`, as a client takes it.
    """

    def __init__(self, repository: Repository, host: str, port: int, workers: int, poll_seconds: float) -> None:
        self.repository = repository
        self._poll_seconds = poll_seconds
        self._health = HealthService()
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="rnnzoo-versions", daemon=True)
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(workers, thread_name_prefix="rnnzoo-serving"),
            options=[
                ("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MOST_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),  # else a second server on the port would share it, silently
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(repository), self._grpc)
        self._health.add_to(self._grpc)
        self.port = _bind(self._grpc, host, port)
        self.address = _address(host, self.port)

    def start(self) -> None:
        """Answers requests from now on, in threads of its own, and watches the folders for new versions."""
        self._grpc.start()
        if self._poll_seconds > 0:
            self._poller.start()

    def stop(self, grace: float | None = None) -> None:
        """Takes no new requests, gives those under way `grace` seconds (None: cancels them), frees the models."""
        self._health.stop()
        self._stopping.set()
        self._grpc.stop(grace).wait()
        if self._poller.is_alive():
            self._poller.join()
        self.repository.close()

    def _poll(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            self.repository.refresh()


def make_server(
    base_path: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    *,
    model_name: str = "default",
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    workers: int | None = None,
    poll_seconds: float = 1.0,
) -> Server:
    """A server with its models loaded and its port bound; `start()` lets it answer.

    Args:
        base_path: a folder of numbered versions (`base_path/1/saved_model.pb`), or several by model name.
        model_name: the name that requests call a single model by; TensorFlow Serving's default.
        host: the interface to listen on. The default is this machine only, as nothing here asks who is calling;
            `0.0.0.0` is every interface.
        port: 0 picks a free one.
        workers: how many requests run at once; by default four for each processor, as TensorFlow uses several threads
            for each but leaves the waiting to these.
        poll_seconds: how often to look for new versions; 0 never.

    Returns:
        The server, not started.

    Raises:
        FileNotFoundError: if a folder is missing or has no version.
        ValueError: if a version cannot be loaded.
        OSError: if the port is taken or not allowed.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be between 0 and 65535, but got {port=}.")
    workers = 4 * (os.cpu_count() or 1) if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be a positive number of threads, but got {workers=}.")
    models = base_path if isinstance(base_path, Mapping) else {model_name: base_path}
    _check_port(host, port)  # before the models: loading takes seconds
    repository = Repository({name: Path(path) for name, path in models.items()})
    try:
        return Server(repository, host, port, workers, poll_seconds)
    except OSError:
        repository.close()
        raise


def run(server: Server, *, grace: float = 30.0, ready: Callable[[Server], None] = lambda server: None) -> None:
    """Serves until SIGTERM or Ctrl-C, then drains: requests under way are answered, new ones are refused.

    Args:
        server: made by `make_server`, not started.
        grace: seconds that requests under way are given; Kubernetes' default as well. A second signal ends the wait.
        ready: called once requests are answered, from this thread; the place to print the address.

    Raises:
        RuntimeError: outside the main thread, which is the only one that gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("run must be called in the main thread, but got another; there, call server.start().")
    signals = threading.Semaphore(0)
    handlers = {
        number: signal.signal(number, lambda *_: signals.release()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        server.start()
        ready(server)
        signals.acquire()
        draining = threading.Thread(target=server.stop, args=(grace,))
        draining.start()
        while draining.is_alive() and not signals.acquire(timeout=0.1):
            pass
        if draining.is_alive():
            server.stop(None)
        draining.join()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _check_port(host: str, port: int) -> None:
    # gRPC says only that it could not bind; a socket of our own says why.
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen()
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: "is in use: stop the other server, or pass another port (0 picks a free one)",
            errno.EACCES: "needs rights that this user lacks: pass a port above 1023",
        }
        reason = reasons.get(error.errno or 0, f"cannot be listened on: {error.strerror or error}")
        raise OSError(f"port {port} on {host} {reason}.") from error


def _bind(server: grpc.Server, host: str, port: int) -> int:
    try:
        return server.add_insecure_port(_address(host, port))
    except RuntimeError as error:  # taken by another since it was checked
        raise OSError(f"port {port} on {host} cannot be listened on: {error}.") from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
