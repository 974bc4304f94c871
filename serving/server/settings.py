"""What a server is told when it is made: its ports, its bounds, its patience."""

import os
from dataclasses import dataclass, field

import grpc

from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.defaults import DEFAULT_PORT, PREFIX_CACHE_BYTES

__all__ = ["ServerSettings"]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """All of a server's settings, each with its default.

    Attributes:
        host: the interface to listen on. The default is this machine only, as nothing here asks who is calling;
            `0.0.0.0` is every interface.
        port: the gRPC port; 0 picks a free one, None is no port (a socket path then).
        grpc_socket_path: a UNIX socket that gRPC listens on as well; "" for none.
        server_credentials: TLS for the port and the socket path; None speaks plain text.
        grpc_channel_arguments: further arguments of the gRPC core, as pairs.
        workers: how many requests run at once that no batch can take in; four for each processor if None, as
            TensorFlow uses several threads for each but leaves the waiting to these.
        max_waiting: how many requests may wait for those workers; more are refused (RESOURCE_EXHAUSTED), because
            whoever waits longer has gone, and waiting requests are memory.
        batching: which models' concurrent requests run as one: "own", our own exports, in which no row looks at
            another; "all", every model whose signatures let rows be told apart, as TensorFlow Serving with
            `--enable_batching`; or "off".
        batching_parameters: how large, how long, how many; TensorFlow Serving's names and defaults.
        prefix_cache_bytes: memory for the states behind recent texts (our own exports only, and requests of at most 8
            texts); 0 keeps none.
        poll_seconds: how often to look for new versions; 0 never.
        model_config_file: where the models are listed, if anywhere.
        model_config_file_poll_seconds: how often to read it again; 0 never.
        reapply_model_config_file: whether that brings back what the file says although it has not changed, as in
            TensorFlow Serving; else what HandleReloadConfigRequest has asked for stays until the file changes.
        enable_serialization_as_tensor_content: whether gRPC's answers come as `tensor_content` instead of typed lists.
        enable_profiler: whether whoever reaches the gRPC port may take traces, also to files of this machine.
        rest_api_port: the HTTP port; 0 picks a free one, None is no port.
        rest_api_timeout_in_ms: what a request by HTTP may take, its body and its turn waited for; TensorFlow Serving's
            default. 0 is no limit.
        rest_api_enable_cors_support: whether web pages of other origins may ask.
        monitoring_path: where on the HTTP port Prometheus finds the metrics; None for nowhere.
        playground: whether the HTTP port shows a page at `/` to try models out.
        log_requests: whether to write one line of JSON a request, with its times.
        request_log_folder: where requests and answers are kept, in files that warm models up; "" keeps none.
        request_log_sampling_rate: the share of requests that are kept.
        drain_seconds: what requests under way are given when the server ends; Kubernetes' default as well.

    >>> ServerSettings(port=70000)
    Traceback (most recent call last):
        ...
    ValueError: port must be between 0 and 65535, but got port=70000.
    """

    host: str = "127.0.0.1"
    port: int | None = DEFAULT_PORT
    grpc_socket_path: str = ""
    server_credentials: grpc.ServerCredentials | None = None
    grpc_channel_arguments: tuple[tuple[str, str | int], ...] = ()
    workers: int | None = None
    max_waiting: int = 1000
    batching: str = "own"
    batching_parameters: BatchingParameters = field(default_factory=BatchingParameters)
    prefix_cache_bytes: int = PREFIX_CACHE_BYTES
    poll_seconds: float = 1.0
    model_config_file: str = ""
    model_config_file_poll_seconds: float = 0.0
    reapply_model_config_file: bool = False
    enable_serialization_as_tensor_content: bool = False
    enable_profiler: bool = False
    rest_api_port: int | None = None
    rest_api_timeout_in_ms: int = 30_000
    rest_api_enable_cors_support: bool = False
    monitoring_path: str | None = None
    playground: bool = True
    log_requests: bool = False
    request_log_folder: str = ""
    request_log_sampling_rate: float = 1.0
    drain_seconds: float = 30.0

    def __post_init__(self) -> None:
        if not self.host.strip():  # to the system it is every interface
            raise ValueError(f"host must be a name or an address, such as 127.0.0.1, but got host={self.host!r}.")
        if self.port is not None and not 0 <= self.port <= 65535:
            raise ValueError(f"port must be between 0 and 65535, but got port={self.port}.")
        if self.rest_api_port is not None and not 0 <= self.rest_api_port <= 65535:
            raise ValueError(f"rest_api_port must be between 0 and 65535, but got rest_api_port={self.rest_api_port}.")
        if self.port and self.port == self.rest_api_port:
            raise ValueError(f"port and rest_api_port must differ, but got {self.port} for both.")
        if self.monitoring_path is not None and not self.monitoring_path.startswith("/"):
            raise ValueError(f"monitoring_path must begin with /, but got monitoring_path={self.monitoring_path!r}.")
        if not 0.0 <= self.request_log_sampling_rate <= 1.0:
            raise ValueError(
                f"request_log_sampling_rate must be between 0 and 1, but got {self.request_log_sampling_rate}."
            )
        if self.port is None and not self.grpc_socket_path:
            raise ValueError("a server must have a port or a socket path, but got neither.")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be a positive number of threads, but got workers={self.workers}.")
        if self.max_waiting < 1:
            raise ValueError(f"max_waiting must be at least 1, but got max_waiting={self.max_waiting}.")
        if self.batching not in ("own", "all", "off"):
            raise ValueError(f"batching must be 'own', 'all' or 'off', but got batching={self.batching!r}.")
        if self.prefix_cache_bytes < 0:
            raise ValueError(f"prefix_cache_bytes must be at least 0, but got {self.prefix_cache_bytes}.")
        if self.poll_seconds < 0 or self.drain_seconds < 0:
            raise ValueError(
                "poll_seconds and drain_seconds must be at least 0, but got "
                f"poll_seconds={self.poll_seconds}, drain_seconds={self.drain_seconds}."
            )

    @property
    def worker_threads(self) -> int:
        """`workers`, or what stands for None."""
        return 4 * (os.cpu_count() or 1) if self.workers is None else self.workers
