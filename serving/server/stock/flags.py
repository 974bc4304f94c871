"""The flags of `tensorflow_model_server`, under their own names and with their own defaults, and a few of our own.

`serving/PROTOCOL.md` says of each what comes of it here.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from rnnzoo.serving.server.defaults import PREFIX_CACHE_BYTES

__all__ = ["FLAGS", "Flag", "WrongFlagError", "parse_flags"]


@dataclass(frozen=True)
class Flag:
    """One flag.

    Attributes:
        name: as it is written behind `--`.
        default: TensorFlow Serving's; its type is the flag's.
        help: one line.
        effect: "yes" if it does what it does there; "accepted" if nothing has to be done here; "refused" if asking for
            it is an error, because the server could not keep the promise; "ours" if TensorFlow Serving has none such.
    """

    name: str
    default: bool | int | float | str
    help: str
    effect: str = "yes"


FLAGS = (
    Flag("port", 8500, "the gRPC port; 0 for none"),
    Flag("grpc_socket_path", "", "a UNIX socket for gRPC"),
    Flag("rest_api_port", 0, "the port of the REST API; 0 for none"),
    Flag("rest_api_num_threads", 0, "one loop answers HTTP, whatever the number", "accepted"),
    Flag("rest_api_timeout_in_ms", 30000, "the most milliseconds that a REST request may take"),
    Flag("rest_api_enable_cors_support", False, "whether web pages of other origins may ask"),
    Flag(
        "enable_batching", False, "whether requests to any model are put together; to our own exports they always are"
    ),
    Flag("batching_parameters_file", "", "a text BatchingParameters"),
    Flag("enable_per_model_batching_parameters", False, "parameters in the SavedModel's folder", "refused"),
    Flag("allow_version_labels_for_unavailable_models", False, "whether a new label may name a version not loaded yet"),
    Flag("force_allow_any_version_labels_for_unavailable_models", False, "the same, for labels in use as well"),
    Flag("model_config_file", "", "a text ModelServerConfig: the models to serve"),
    Flag("model_config_file_poll_wait_seconds", 0, "how often to read that file again; 0 never"),
    Flag("model_name", "default", "the single model's name"),
    Flag("model_base_path", "", "the single model's folder of numbered versions"),
    Flag("num_load_threads", 0, "one thread loads, and no request waits for it", "accepted"),
    Flag("num_unload_threads", 0, "each unloading has a thread of its own", "accepted"),
    Flag("max_num_load_retries", 5, "how often a version that does not load is tried again"),
    Flag("load_retry_interval_micros", 60_000_000, "the wait in between"),
    Flag("file_system_poll_wait_seconds", 1, "how often to look for new versions; 0 never"),
    Flag("flush_filesystem_caches", True, "the operating system keeps what it needs", "accepted"),
    Flag("tensorflow_session_parallelism", 0, "threads of a session; 0 for as many as fit"),
    Flag("tensorflow_intra_op_parallelism", 0, "threads of one operation; 0 for as many as fit"),
    Flag("tensorflow_inter_op_parallelism", 0, "operations at once; 0 for as many as fit"),
    Flag("tensorflow_session_config_file", "", "a text ConfigProto for the sessions"),
    Flag("use_alts_credentials", False, "Google's ALTS", "refused"),
    Flag("ssl_config_file", "", "a text SSLConfig: TLS for gRPC"),
    Flag("platform_config_file", "", "a text PlatformConfigMap", "refused"),
    Flag("per_process_gpu_memory_fraction", 0.0, "the share of a GPU's memory; 0 lets TensorFlow choose"),
    Flag("saved_model_tags", "serve", "the tags of the graph to load, with commas in between"),
    Flag("grpc_channel_arguments", "", "name=value,name=value,... for gRPC's core"),
    Flag("grpc_max_threads", 0, "how many requests run at once outside batches; 0 for four per processor"),
    Flag("enable_model_warmup", True, "whether warm-up records are asked before a version answers"),
    Flag("num_request_iterations_for_warmup", 0, "how often each record is asked; 0 means once"),
    Flag("version", False, "say the version and stop"),
    Flag("monitoring_config_file", "", "a text MonitoringConfig: Prometheus on the REST port"),
    Flag("remove_unused_fields_from_bundle_metagraph", True, "only what answers need is kept anyway", "accepted"),
    Flag("prefer_tflite_model", False, "model.tflite where a version has one"),
    Flag("num_tflite_pools", 0, "one interpreter for each version", "accepted"),
    Flag("num_tflite_interpreters_per_pool", 1, "one interpreter for each version", "accepted"),
    Flag("enable_signature_method_name_check", False, "whether a signature's method name must suit the call"),
    Flag("xla_cpu_compilation_enabled", False, "models that ask for XLA get it anyway", "accepted"),
    Flag("xla_gpu_compilation_enabled", False, "models that ask for XLA get it anyway", "accepted"),
    Flag("enable_profiler", True, "whether whoever reaches the gRPC port may take traces"),
    Flag("thread_pool_factory_config_file", "", "thread pools of one's own", "refused"),
    Flag("mixed_precision", "", "bfloat16 in a graph that was not made for it", "refused"),
    Flag("skip_initialize_tpu", False, "there is no TPU to initialize", "accepted"),
    Flag("enable_grpc_healthcheck_service", False, "the health service is always there", "accepted"),
    Flag("enable_serialization_as_tensor_content", False, "answers of gRPC in tensor_content"),
    Flag("host", "0.0.0.0", "the interface to listen on", "ours"),
    Flag("drain_seconds", 30.0, "what requests under way are given at SIGTERM", "ours"),
    Flag("prefix_cache_bytes", PREFIX_CACHE_BYTES, "memory for the states behind recent texts; 0 for none", "ours"),
    Flag("max_waiting", 1000, "how many requests may wait outside batches; more are refused", "ours"),
    Flag("playground", True, "whether the REST port shows a page at / to try models out", "ours"),
    Flag("log_requests", False, "one line of JSON for each request, with its times", "ours"),
    Flag("request_log_folder", "", "where requests are kept, as records that warm models up", "ours"),
    Flag("request_log_sampling_rate", 1.0, "the share of requests that is kept", "ours"),
)

_TRUE, _FALSE = ("true", "1", "yes", "t", "y"), ("false", "0", "no", "f", "n")


class WrongFlagError(ValueError):
    """A flag that does not exist, does not read, or cannot be kept."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongFlagError(message)


def parse_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """The values of all flags, by name; `--port=9000` or `--port 9000`, `--playground=false`, `--enable_batching`.

    Raises:
        WrongFlagError: with one line for the user.
        SystemExit: after `--help`.

    >>> flags = parse_flags(["--port=9000", "--model_name", "lstm", "--enable_batching"])
    >>> flags.port, flags.model_name, flags.enable_batching, flags.rest_api_port
    (9000, 'lstm', True, 0)
    >>> parse_flags(["--prot=9000"])
    Traceback (most recent call last):
        ...
    rnnzoo.serving.server.stock.flags.WrongFlagError: unknown argument: --prot=9000
    """
    parser = _Parser(
        prog="rnnzoo-model-server",
        description="Serves SavedModels by TensorFlow Serving's protocol; takes the flags of tensorflow_model_server.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for flag in FLAGS:
        note = {"accepted": " (accepted: nothing to do)", "refused": " (not here)"}.get(flag.effect, "")
        text = (flag.help + note).replace("%", "%%")
        if isinstance(flag.default, bool):
            parser.add_argument(
                f"--{flag.name}", nargs="?", const=True, default=flag.default, type=_boolean, metavar="BOOL", help=text
            )
        else:
            kind = type(flag.default)
            parser.add_argument(
                f"--{flag.name}", default=flag.default, type=kind, metavar=kind.__name__.upper(), help=text
            )
    flags, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise WrongFlagError(f"unknown argument: {unknown[0]}")
    for flag in FLAGS:
        if flag.effect == "refused" and getattr(flags, flag.name) != flag.default:
            raise WrongFlagError(f"--{flag.name} cannot be had here ({flag.help}): leave it out.")
    return flags


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"must be true or false, but got {text!r}")
