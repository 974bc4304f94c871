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

from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.defaults import PROMETHEUS_PATH
from rnnzoo.serving.wire import declare

__all__ = [
    "Monitoring",
    "configuration_messages",
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
_WRAPPED = (
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "num_batch_threads",
    "enable_large_batch_splitting",
)
_PLACE = re.compile(r"(\d+):(\d+) ?: ")


@dataclass(frozen=True)
class Monitoring:
    """Whether Prometheus finds metrics on the REST port, and where.

    Attributes:
        enable: off unless the configuration says so.
        path: TensorFlow Serving's own by default.
    """

    enable: bool = False
    path: str = PROMETHEUS_PATH


def read_batching_parameters(path: str | os.PathLike[str]) -> BatchingParameters:
    """The file of `--batching_parameters_file`.

    `thread_pool_name` and `pad_variable_length_inputs` change nothing: rows of different length never share a batch.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a BatchingParameters, or its numbers do not go together.
    """
    message = read_text_proto(path, _MESSAGES["BatchingParameters"]())
    given = {field.name: value.value for field, value in message.ListFields() if field.name in _WRAPPED}
    if message.enable_large_batch_splitting.value and message.HasField("max_execution_batch_size"):
        given["max_batch_size"] = message.max_execution_batch_size.value
    return BatchingParameters(allowed_batch_sizes=tuple(message.allowed_batch_sizes), **given)


def read_monitoring(path: str | os.PathLike[str]) -> Monitoring:
    """The file of `--monitoring_config_file`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a MonitoringConfig.
    """
    config = read_text_proto(path, _MESSAGES["MonitoringConfig"]()).prometheus_config
    return Monitoring(config.enable, config.path or PROMETHEUS_PATH)


def configuration_messages() -> list[type[Message]]:
    """The classes of the messages that are declared here."""
    names = ("BatchingParameters", "SSLConfig", "MonitoringConfig", "PrometheusConfig")
    return [_MESSAGES[name] for name in names]


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
