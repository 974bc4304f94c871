"""Configuration files of TensorFlow Serving: protocol buffers as text, read strictly and refused in its own words.

The pip package `tensorflow-serving-api` has a class for ModelServerConfig alone; the others are declared here, field by
field as session_bundle_config.proto, ssl_config.proto and monitoring_config.proto have them.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from rnnzoo.serving.wire import declare

__all__ = [
    "BatchingParameters",
    "Monitoring",
    "parse_text_proto",
    "read_batching_parameters",
    "read_monitoring",
    "read_text_proto",
    "ssl_config",
]

_MessageT = TypeVar("_MessageT", bound=Message)
_PROTO = """
message Int64Value { int64 value = 1; }
message BoolValue { bool value = 1; }
message StringValue { string value = 1; }
message BatchingParameters {
    Int64Value max_batch_size = 1;
    Int64Value batch_timeout_micros = 2;
    Int64Value max_enqueued_batches = 3;
    Int64Value num_batch_threads = 4;
    StringValue thread_pool_name = 5;
    repeated int64 allowed_batch_sizes = 6;
    bool pad_variable_length_inputs = 7;
    BoolValue enable_large_batch_splitting = 8;
    Int64Value max_execution_batch_size = 9;
}
message SSLConfig { string server_key = 1; string server_cert = 2; string custom_ca = 3; bool client_verify = 4; }
message PrometheusConfig { bool enable = 1; string path = 2; }
message MonitoringConfig { PrometheusConfig prometheus_config = 1; }
"""
_MESSAGES: dict[str, Any] = dict(declare(_PROTO, "tensorflow.serving"))
_PLACE = re.compile(r"(\d+):(\d+) ?: ")
_PROMETHEUS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """How concurrent requests are put together; the defaults are TensorFlow Serving's.

    Attributes:
        max_batch_size: the most rows that run as one.
        batch_timeout_micros: how long a request waits for others.
        max_enqueued_batches: how many full batches may wait; past that, requests are refused.
        num_batch_threads: how many batches run at once; the number of processors.
        allowed_batch_sizes: a batch is padded to the next of these; none if empty. Increasing, the last one is
            `max_batch_size`.
        pad_variable_length_inputs: whether requests whose rows differ in length may share a batch.
        enable_large_batch_splitting: whether a request of more rows than a batch holds is split.
        max_execution_batch_size: the most rows of a split request that run as one; `max_batch_size` if None.

    Raises:
        ValueError: if a number is out of range; in TensorFlow Serving's words where it has some.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive number, but got {name}={getattr(self, name)}.")
        if self.batch_timeout_micros < 0:
            raise ValueError(f"batch_timeout_micros must not be negative, but got {self.batch_timeout_micros=}.")
        sizes = self.allowed_batch_sizes
        if any(later <= size for size, later in zip((0, *sizes), sizes, strict=False)):
            raise ValueError("allowed_batch_sizes entries must be monotonically increasing")
        most = self.max_execution_batch_size if self.enable_large_batch_splitting else None
        most = self.max_batch_size if most is None else most
        if sizes and sizes[-1] != most:
            raise ValueError(
                f"Last entry in allowed_batch_sizes must match max_batch_size; last entry was {sizes[-1]}; "
                f"expected {most}"
            )


@dataclass(frozen=True)
class Monitoring:
    """Whether Prometheus finds metrics on the REST port, and where.

    Attributes:
        enable: off unless the configuration says so.
        path: TensorFlow Serving's own by default.
    """

    enable: bool = False
    path: str = _PROMETHEUS_PATH


def read_batching_parameters(path: str | os.PathLike[str]) -> BatchingParameters:
    """The file of `--batching_parameters_file`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a BatchingParameters, or its numbers do not go together.
    """
    message = read_text_proto(path, _MESSAGES["BatchingParameters"]())
    values: dict[str, Any] = {
        field.name: value.value if field.message_type else value
        for field, value in message.ListFields()
        if field.name not in ("thread_pool_name", "allowed_batch_sizes")
    }
    return BatchingParameters(allowed_batch_sizes=tuple(message.allowed_batch_sizes), **values)


def read_monitoring(path: str | os.PathLike[str]) -> Monitoring:
    """The file of `--monitoring_config_file`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a MonitoringConfig.
    """
    config = read_text_proto(path, _MESSAGES["MonitoringConfig"]()).prometheus_config
    return Monitoring(config.enable, config.path or _PROMETHEUS_PATH)


def ssl_config() -> Any:
    """An empty SSLConfig message, for `read_text_proto`: server_key, server_cert, custom_ca, client_verify."""
    return _MESSAGES["SSLConfig"]()


def read_text_proto(path: str | os.PathLike[str], message: _MessageT) -> _MessageT:
    """Fills a message from a file of text.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if its text is not such a message; TensorFlow Serving's message and protobuf's, on one line.
    """
    try:
        return parse_text_proto(Path(path).read_text(encoding="utf-8"), message)
    except ValueError as error:  # text that is not UTF-8 is a ValueError, too
        raise ValueError(f"Invalid protobuf file: '{os.fspath(path)}': {error}") from error


def parse_text_proto(text: str, message: _MessageT) -> _MessageT:
    """Fills a message from text.

    Raises:
        ValueError: with the line that protobuf's C++ logs, so that scripts which look for it find it.

    >>> parse_text_proto('server_key: "K" client_verify: true', ssl_config()).client_verify
    True
    >>> parse_text_proto("server_kee: 1", ssl_config())
    Traceback (most recent call last):
        ...
    ValueError: Error parsing text-format tensorflow.serving.SSLConfig: 1:1: Message type "tensorflow.serving.SSLConfig" has no field named "server_kee".
    """  # noqa: E501 - the message is one line
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        what = _PLACE.sub(r"\1:\2: ", " ".join(str(error).split()), count=1)
        raise ValueError(f"Error parsing text-format {message.DESCRIPTOR.full_name}: {what}") from error
