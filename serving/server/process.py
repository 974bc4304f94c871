"""The server as a process: its loop, its ports, its start and its end."""

import asyncio
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.loop_thread import LoopThread
from rnnzoo.serving.server.observation.request_log import check_request_log
from rnnzoo.serving.server.parts import GRPC_SERVICES, PARTS
from rnnzoo.serving.server.ports import address, check_ports
from rnnzoo.serving.server.repository.loading import load_servable, warm_servable
from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.services.tolerance import TolerantServer
from rnnzoo.serving.server.settings import ServerSettings

__all__ = ["Server", "make_server", "run"]

_MOST_MESSAGE_BYTES = 2**31 - 1
_SWITCH_SECONDS = 0.0005
_MOST_ENDING_SECONDS = 1.0  # of the thread that looks for versions: reading weights is not to be interrupted
_QUIET_SECONDS = 0.25  # longer than an answer takes to arrive and a question to come back
_log = logging.getLogger(__name__)


class Server:
    """A server that holds its models and its ports, and answers once it is started. Made by `make_server`.

    One asyncio loop, in a thread of its own, reads and writes all messages; the models run in other threads.

    Args:
        repository: the loaded models, which the server closes when it stops.
        settings: ports, bounds, patience.

    Attributes:
        parts: what listens beside gRPC.
        port: the gRPC port it listens on; the one that was found where 0 was asked for, 0 if there is none.
        address: `host:port` or `unix:path`, as a client takes it.

    Raises:
        OSError: if a port or the socket path is taken or not allowed.
    """

    def __init__(self, repository: Repository, settings: ServerSettings) -> None:
        self.repository = repository
        self.settings = settings
        self.core = Core(repository, settings)
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="rnnzoo-versions", daemon=True)
        self._ending = threading.Lock()
        self._stops = 0
        with ExitStack() as undone:  # if anything fails
            undone.callback(self.core.close)
            self.parts = [part for make in PARTS if (part := make(self.core)) is not None]
            self._loop = LoopThread("rnnzoo-loop")
            undone.callback(self._loop.close)
            self._grpc, self.port = self._loop.run(self._bind())
            undone.pop_all()
        self.address = address(settings.host, self.port) if self.port else f"unix:{settings.grpc_socket_path}"

    def start(self) -> None:
        """Answers requests from now on, in threads of its own, and watches the folders for new versions.

        Raises:
            OSError: if the REST port has been taken since the server was made, which is stopped then.
        """
        try:
            self._loop.run(self._start())
        except BaseException:  # half a server would answer on one port only
            self.stop()
            raise
        if self.settings.poll_seconds > 0:
            self._poller.start()

    def stop(self, grace: float | None = None) -> None:
        """Takes no new requests, gives those under way `grace` seconds (None: cancels them), frees the models.

        A second call, from another thread, may shorten the grace of the first. No version that loads is waited for.
        """
        self._stopping.set()
        with self._ending:
            if self._loop.closed:
                return
            self._stops += 1
        try:
            self._loop.run(self._stop(grace))
        finally:  # whatever went wrong, no model and no loop stays behind
            self.repository.close()
            if self._poller.is_alive():
                self._poller.join(_MOST_ENDING_SECONDS)
            with self._ending:
                self._stops -= 1
                if self._stops == 0:
                    self._loop.close()

    async def _bind(self) -> tuple[grpc.aio.Server, int]:
        settings = self.settings
        arguments: dict[str, str | int] = {
            "grpc.max_receive_message_length": _MOST_MESSAGE_BYTES,
            "grpc.max_send_message_length": _MOST_MESSAGE_BYTES,
            "grpc.so_reuseport": 0,  # else a second server on the port would share it, silently
            # Most clients' keepalives ping more often than the five minutes, or between calls the two hours, that gRPC
            # tolerates without data; ten seconds are the least that gRPC's clients in Go and Java ask for.
            "grpc.http2.min_ping_interval_without_data_ms": 9_000,
            "grpc.keepalive_permit_without_calls": 1,
            **dict(settings.grpc_channel_arguments),
        }
        server = grpc.aio.server(options=list(arguments.items()))
        tolerant: Any = TolerantServer(server, self.core)
        for add_to in GRPC_SERVICES:
            add_to(tolerant, self.core)
        port = 0
        try:
            if settings.port is not None:
                port = _listen(server, address(settings.host, settings.port), settings.server_credentials)
            if settings.grpc_socket_path:
                _listen(server, f"unix:{settings.grpc_socket_path}", settings.server_credentials)
        except RuntimeError as error:
            tried = f"port {settings.port} on {settings.host}" + (
                f" or {settings.grpc_socket_path}" if settings.grpc_socket_path else ""
            )
            raise OSError(f"{tried} cannot be listened on: {error}.") from error
        return server, port

    async def _start(self) -> None:
        await self._grpc.start()
        for part in self.parts:
            await part.start()

    async def _stop(self, grace: float | None) -> None:
        self.core.draining = True
        if grace:
            began = time.monotonic()
            await self._quiet(began + grace / 2)
            grace -= time.monotonic() - began
        await asyncio.gather(self._grpc.stop(grace), *(part.stop(grace) for part in self.parts))
        self.core.close()

    async def _quiet(self, until: float) -> None:
        """Waits until callers have understood that they are refused.

        Whatever is on its way while gRPC shuts down ends as CANCELLED, which tells nobody to ask elsewhere.
        """
        quiet = self.core.refused = time.monotonic()
        while quiet < min(self.core.refused + _QUIET_SECONDS, until):
            await asyncio.sleep(_QUIET_SECONDS / 5)
            quiet = time.monotonic()

    def _poll(self) -> None:
        while not self._stopping.wait(self.settings.poll_seconds):
            try:
                self.repository.refresh()
            except Exception:  # such as no thread to be had for a moment
                _log.exception("looking for new versions failed; the next look is in %g s", self.settings.poll_seconds)


def make_server(
    base_path: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str] | ModelSettings],
    *,
    model_name: str = "default",
    settings: ServerSettings | None = None,
    **changes: Any,
) -> Server:
    """A server with its models loaded and its port bound; `start()` lets it answer.

    Args:
        base_path: a folder of numbered versions (`base_path/1/saved_model.pb`), or several by model name,
            each as a folder or as settings with a version policy and labels.
        model_name: the name that requests call a single model by; TensorFlow Serving's default.
        settings: everything else; the defaults of `ServerSettings` if None.
        **changes: single settings, such as `port=0`, in place of those.

    Returns:
        The server, not started.

    Raises:
        FileNotFoundError: if a folder is missing or has no version.
        ValueError: if a version cannot be loaded, or a setting is out of range.
        OSError: if a port or the socket path is taken or not allowed, or the folder for requests is.
    """
    settings = replace(settings or ServerSettings(), **changes)
    models = base_path if isinstance(base_path, Mapping) else {model_name: base_path}
    check_ports(settings)
    check_request_log(settings.request_log_folder)
    repository = Repository(
        {name: path if isinstance(path, ModelSettings) else Path(path) for name, path in models.items()},
        load_servable,
        warm_servable,
    )
    try:
        return Server(repository, settings)
    except BaseException:
        repository.close()
        raise


def run(server: Server, *, grace: float | None = None, ready: Callable[[Server], None] = lambda server: None) -> None:
    """Serves until SIGTERM or Ctrl-C, then drains: requests under way are answered, new ones are refused.

    Args:
        server: made by `make_server`, not started.
        grace: seconds that requests under way are given; the setting `drain_seconds` if None. A second signal ends
            the wait.
        ready: called once requests are answered, from this thread; the place to print the address.

    Raises:
        RuntimeError: outside the main thread, which is the only one that gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("run must be called in the main thread, but got another; there, call server.start().")
    grace = server.settings.drain_seconds if grace is None else grace
    # While a version loads, its thread gives way to requests ten times as often as Python's default, 5 ms, has it.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Not what `threading` has: a signal that comes while this thread holds its lock would wait for that for ever.
    signals: queue.SimpleQueue[None] = queue.SimpleQueue()
    handlers = {
        number: signal.signal(number, lambda *_: signals.put(None)) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        server.start()
        ready(server)
        signals.get()
        draining = threading.Thread(target=server.stop, args=(grace,))
        draining.start()
        while draining.is_alive() and signals.empty():
            draining.join(0.1)
        if draining.is_alive():
            server.stop(None)
        draining.join()
    finally:
        sys.setswitchinterval(interval)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _listen(server: grpc.aio.Server, where: str, credentials: grpc.ServerCredentials | None) -> int:
    if credentials is None:
        return server.add_insecure_port(where)
    return server.add_secure_port(where, credentials)
