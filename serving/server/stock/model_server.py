"""A server from the flags of `tensorflow_model_server`."""

import argparse
import functools
import logging

from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.config import model_server_config_pb2

from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.calls.model_management import read_model_config
from rnnzoo.serving.server.observation.request_log import check_request_log
from rnnzoo.serving.server.ports import check_ports
from rnnzoo.serving.server.process import Server
from rnnzoo.serving.server.repository.labels import UnavailableLabels
from rnnzoo.serving.server.repository.loading import load_servable, warm_servable
from rnnzoo.serving.server.repository.model_settings import ModelSettings, models_of
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings
from rnnzoo.serving.server.stock.channel_arguments import parse_channel_arguments
from rnnzoo.serving.server.stock.flags import FLAGS
from rnnzoo.serving.server.stock.text_protos import read_batching_parameters, read_monitoring, read_text_proto
from rnnzoo.serving.server.stock.tls import read_server_credentials

__all__ = ["make_model_server"]

_log = logging.getLogger(__name__)


def make_model_server(flags: argparse.Namespace) -> Server:
    """A server with its models loaded and its ports bound, as TensorFlow Serving would start with these flags.

    It waits for models that are not there yet, and opens its ports once all are there.

    Args:
        flags: from `parse_flags`.

    Raises:
        ValueError: if flags do not go together, or a file does not read; in TensorFlow Serving's words where it has
            some.
        OSError: if a file or a port is not to be had.
        StatusError: if the models cannot be served.
    """
    _tell_what_changes_nothing(flags)
    settings = _settings(flags)  # every file is read before the first model is: those take seconds
    models = _models(flags)
    load = functools.partial(
        load_servable,
        session_config=_session_config(flags),
        prefer_tflite_model=flags.prefer_tflite_model,
        tags=frozenset(filter(None, flags.saved_model_tags.split(","))),
    )
    check_ports(settings)
    check_request_log(settings.request_log_folder)
    repository = Repository(
        models,
        load,
        functools.partial(warm_servable, iterations=flags.num_request_iterations_for_warmup)
        if flags.enable_model_warmup
        else None,
        max_num_load_retries=flags.max_num_load_retries,
        load_retry_seconds=max(0.0, flags.load_retry_interval_micros / 1e6),
        unavailable_labels=_unavailable_labels(flags),
        patient=True,
        poll_seconds=settings.poll_seconds,
        check_method_names=flags.enable_signature_method_name_check,
    )
    try:
        return Server(repository, settings)
    except BaseException:
        repository.close()
        raise


def _settings(flags: argparse.Namespace) -> ServerSettings:
    if not flags.port and not flags.grpc_socket_path:
        raise ValueError("At least one of server_options.grpc_port or server_options.grpc_socket_path must be set.")
    rest_api_port = flags.rest_api_port or None
    if rest_api_port is not None and rest_api_port == flags.port:
        _log.error(
            "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST API. "
            "Skipped exporting HTTP/REST API."
        )
        rest_api_port = None
    monitoring = read_monitoring(flags.monitoring_config_file) if flags.monitoring_config_file else None
    return ServerSettings(
        host=flags.host,
        port=flags.port or None,
        grpc_socket_path=flags.grpc_socket_path,
        server_credentials=read_server_credentials(flags.ssl_config_file) if flags.ssl_config_file else None,
        grpc_channel_arguments=parse_channel_arguments(flags.grpc_channel_arguments),
        workers=flags.grpc_max_threads or None,
        max_waiting=flags.max_waiting,
        batching="all" if flags.enable_batching else "own",
        batching_parameters=_batching(flags),
        prefix_cache_bytes=flags.prefix_cache_bytes,
        poll_seconds=max(0, flags.file_system_poll_wait_seconds),
        model_config_file=flags.model_config_file,
        model_config_file_poll_seconds=max(0, flags.model_config_file_poll_wait_seconds),
        reapply_model_config_file=True,
        enable_serialization_as_tensor_content=flags.enable_serialization_as_tensor_content,
        enable_profiler=flags.enable_profiler,
        rest_api_port=rest_api_port,
        rest_api_timeout_in_ms=flags.rest_api_timeout_in_ms,
        rest_api_enable_cors_support=flags.rest_api_enable_cors_support,
        monitoring_path=monitoring.path if monitoring is not None and monitoring.enable else None,
        playground=flags.playground,
        log_requests=flags.log_requests,
        request_log_folder=flags.request_log_folder,
        request_log_sampling_rate=flags.request_log_sampling_rate,
        drain_seconds=flags.drain_seconds,
    )


def _unavailable_labels(flags: argparse.Namespace) -> UnavailableLabels:
    if flags.force_allow_any_version_labels_for_unavailable_models:
        return UnavailableLabels.ANY
    return UnavailableLabels.NEW if flags.allow_version_labels_for_unavailable_models else UnavailableLabels.NONE


def _batching(flags: argparse.Namespace) -> BatchingParameters:
    if not flags.batching_parameters_file:
        return BatchingParameters()
    if not flags.enable_batching:
        raise ValueError(
            "server_options.batching_parameters_file is set without setting server_options.enable_batching to true."
        )
    return read_batching_parameters(flags.batching_parameters_file)


def _models(flags: argparse.Namespace) -> dict[str, ModelSettings]:
    if flags.model_config_file:
        return read_model_config(flags.model_config_file)
    if not flags.model_base_path:
        raise ValueError("Both server_options.model_base_path and server_options.model_config_file are empty!")
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(
        name=flags.model_name, base_path=flags.model_base_path, model_platform="tensorflow"
    )
    return models_of(config)


def _session_config(flags: argparse.Namespace) -> config_pb2.ConfigProto:
    both = flags.tensorflow_session_parallelism
    intra, inter = flags.tensorflow_intra_op_parallelism, flags.tensorflow_inter_op_parallelism
    if both > 0 and intra > 0 and inter > 0:
        raise ValueError(
            "Either configure server_options.tensorflow_session_parallelism or "
            "(server_options.tensorflow_intra_op_parallelism, server_options.tensorflow_inter_op_parallelism) "
            "separately. You cannot configure all."
        )
    config = config_pb2.ConfigProto(allow_soft_placement=True)
    if flags.tensorflow_session_config_file:
        read_text_proto(flags.tensorflow_session_config_file, config)
    if intra > 0 or inter > 0:
        config.intra_op_parallelism_threads, config.inter_op_parallelism_threads = intra, inter
    elif both > 0:
        config.intra_op_parallelism_threads = config.inter_op_parallelism_threads = both
    if flags.per_process_gpu_memory_fraction > 0:
        config.gpu_options.per_process_gpu_memory_fraction = flags.per_process_gpu_memory_fraction
    return config


def _tell_what_changes_nothing(flags: argparse.Namespace) -> None:
    for flag in FLAGS:
        if flag.effect == "accepted" and getattr(flags, flag.name) != flag.default:
            _log.info("--%s changes nothing here: %s.", flag.name, flag.help)
