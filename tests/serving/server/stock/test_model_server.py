"""The executable stands where tensorflow_model_server stood: its flags, its files, its words, its exit codes."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from rnnzoo.serving.server.process import Server
from rnnzoo.serving.server.status import StatusError
from rnnzoo.serving.server.stock.flags import parse_flags
from rnnzoo.serving.server.stock.model_server import make_model_server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def make(*flags: str, port: int | None = None) -> Server:
    return make_model_server(parse_flags([f"--port={port or free_port()}", "--host=127.0.0.1", *flags]))


@contextlib.contextmanager
def served(*flags: str) -> Iterator[Server]:
    server = make(*flags)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ask(address: str, name: str = "default", label: str = "", timeout: float = 20) -> list[float]:
    request = predict_pb2.PredictRequest(model_spec={"name": name})
    if label:
        request.model_spec.version_label = label
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return list(stub.Predict(request, timeout=timeout).outputs["scaled"].float_val)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, save_arithmetic: Callable[..., None]) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for version in (1, 2):
        save_arithmetic(folder / "a", version, offset=10.0 * version)
    shutil.copytree(folder / "a" / "1", folder / "b" / "00000001")
    return folder


def config(models: Path, path: Path, more: str = "") -> Path:
    entries = [("a", f"model_version_policy {{ all {{}} }} {more}"), ("b", "")]
    return written(
        path,
        "model_config_list {"
        + "".join(
            f"config {{ name: '{name}' base_path: '{models / name}' model_platform: 'tensorflow' {rest} }}"
            for name, rest in entries
        )
        + "}",
    )


def test_one_model(models: Path) -> None:
    with served(
        f"--model_base_path={models / 'a'}", "--model_name", "a", "--file_system_poll_wait_seconds=0"
    ) as server:
        assert [22.0] == ask(server.address, "a")
        with pytest.raises(grpc.RpcError, match=r"Servable not found for request: Latest\(default\)"):
            ask(server.address)


def test_several_models_with_labels(models: Path, tmp_path: Path) -> None:
    labels = "version_labels { key: 'stable' value: 1 } version_labels { key: 'canary' value: 2 }"
    file = config(models, tmp_path / "models.config", labels)

    with served(f"--model_config_file={file}", "--file_system_poll_wait_seconds=0") as server:
        assert [12.0] == ask(server.address, "a", "stable") == ask(server.address, "b")
        assert [22.0] == ask(server.address, "a", "canary") == ask(server.address, "a")


def test_labels_of_versions_that_are_not_there(models: Path, tmp_path: Path) -> None:
    file = config(models, tmp_path / "models.config", "version_labels { key: 'next' value: 9 }")

    with pytest.raises(StatusError, match="Request to assign label to version 9 of model a, which is not currently"):
        make(f"--model_config_file={file}")
    make(f"--model_config_file={file}", "--allow_version_labels_for_unavailable_models").stop()


def test_settings_reach_their_places(models: Path, tmp_path: Path) -> None:
    batching = written(tmp_path / "batching", "max_batch_size { value: 16 } num_batch_threads { value: 3 }")
    monitoring = written(tmp_path / "monitoring", "prometheus_config { enable: true }")
    session = written(tmp_path / "session", "log_device_placement: false intra_op_parallelism_threads: 1")

    server = make(
        f"--model_base_path={models / 'a'}",
        "--enable_batching",
        f"--batching_parameters_file={batching}",
        f"--monitoring_config_file={monitoring}",
        f"--tensorflow_session_config_file={session}",
        "--tensorflow_session_parallelism=2",
        "--grpc_channel_arguments=grpc.max_connection_age_ms=2000",
        "--grpc_max_threads=5",
        "--enable_signature_method_name_check",
        "--rest_api_timeout_in_ms=500",
        "--file_system_poll_wait_seconds=7",
        "--drain_seconds=4.5",
    )
    try:
        settings = server.settings
        assert ("all", 16, 3) == (
            settings.batching,
            settings.batching_parameters.max_batch_size,
            settings.batching_parameters.num_batch_threads,
        )
        assert "/monitoring/prometheus/metrics" == settings.monitoring_path
        assert (("grpc.max_connection_age_ms", 2000),) == settings.grpc_channel_arguments
        assert (5, 500, 7, 4.5) == (
            settings.workers,
            settings.rest_api_timeout_in_ms,
            settings.poll_seconds,
            settings.drain_seconds,
        )
        assert server.repository.check_method_names
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "Both server_options.model_base_path and server_options.model_config_file are empty!"),
        (["--port=0"], "At least one of server_options.grpc_port or server_options.grpc_socket_path must be set."),
        (
            ["--model_base_path=/m", "--batching_parameters_file=/x"],
            "server_options.batching_parameters_file is set without setting server_options.enable_batching to true.",
        ),
        (
            [
                "--model_base_path=/m",
                "--tensorflow_session_parallelism=1",
                "--tensorflow_intra_op_parallelism=1",
                "--tensorflow_inter_op_parallelism=1",
            ],
            "Either configure server_options.tensorflow_session_parallelism or",
        ),
        (["--model_base_path=m"], "Expected model default to have an absolute path or URI; got base_path()=m"),
        (["--model_base_path=gs://m"], "Model default must be in a local folder: this server reads no other"),
        (["--model_base_path=/m", "--grpc_channel_arguments=x"], "grpc_channel_arguments must be name=value,"),
        (["--model_base_path=/m", "--port=70000"], "port must be between 0 and 65535, but got port=70000."),
        (
            ["--model_base_path=/m", "--ssl_config_file={bad}"],
            "Error parsing text-format tensorflow.serving.SSLConfig: 1:1",
        ),
        (
            ["--model_base_path=/m", "--enable_batching", "--batching_parameters_file={bad}"],
            "Error parsing text-format tensorflow.serving.BatchingParameters: 1:1",
        ),
        (
            ["--model_config_file={bad}"],
            "Error parsing text-format tensorflow.serving.ModelServerConfig: 1:1",
        ),
        (
            ["--model_base_path=/m", "--monitoring_config_file={bad}"],
            "Error parsing text-format tensorflow.serving.MonitoringConfig: 1:1",
        ),
        (["--model_config_file=/missing"], "No such file or directory"),
        (
            ["--model_base_path=/missing", "--file_system_poll_wait_seconds=0"],
            "Could not find base path /missing for servable default",
        ),
        (
            ["--model_base_path={empty}", "--file_system_poll_wait_seconds=0"],
            "No versions of servable default found under base path",
        ),
        (
            ["--model_base_path={tagged}", "--saved_model_tags=gpu,serve", "--max_num_load_retries=0"],
            "INVALID_ARGUMENT: a SavedModel must have a graph tagged 'gpu,serve', but got tags=[['serve']]",
        ),
        (
            ["--model_base_path={half}", "--max_num_load_retries=1", "--load_retry_interval_micros=0"],
            "1 model(s) did not become available: {{name: default version: 1} due to error: NOT_FOUND: Could not find "
            "SavedModel .pb or .pbtxt at supplied export directory path: ",
        ),
    ],
)
def test_what_cannot_start(tmp_path: Path, arithmetic: Path, flags: list[str], message: str) -> None:
    bad, empty, half = written(tmp_path / "bad", "nonsense: 1"), tmp_path / "empty", tmp_path / "half"
    empty.mkdir()
    (half / "1" / "variables").mkdir(parents=True)
    flags = [flag.format(bad=bad, empty=empty, half=half, tagged=arithmetic) for flag in flags]

    with pytest.raises((ValueError, OSError, StatusError)) as caught:
        make_model_server(parse_flags([f"--port={free_port()}", "--host=127.0.0.1", *flags]))

    assert message.replace("{{name", "{{{name") in str(caught.value)


def test_a_port_in_use_is_told_before_the_models_load(models: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"^port {port} on 127.0.0.1 is in use"):
            make("--model_base_path=/missing", port=port)


def test_it_waits_for_a_model_that_comes_later(models: Path, tmp_path: Path) -> None:
    timer = threading.Timer(0.2, shutil.copytree, args=(models / "a" / "1", tmp_path / "m" / "1"))
    timer.start()

    with served(f"--model_base_path={tmp_path / 'm'}") as server:
        assert [12.0] == ask(server.address)
    timer.join()


def test_a_deadline_of_a_millisecond_disturbs_nobody(models: Path) -> None:
    with served(f"--model_base_path={models / 'a'}") as server:
        with pytest.raises(grpc.RpcError) as caught:
            ask(server.address, timeout=0.001)
        assert grpc.StatusCode.DEADLINE_EXCEEDED == caught.value.code()
        assert [22.0] == ask(server.address)


EXECUTABLE = [sys.executable, "-c", "from rnnzoo.commands.model_server import main; main()"]
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def test_as_a_process_from_start_to_sigterm(models: Path, tmp_path: Path) -> None:
    port, unix = free_port(), tmp_path / "socket"
    with subprocess.Popen(
        [
            *EXECUTABLE,
            *(f"--port={port}", "--model_name=a", f"--model_base_path={models / 'a'}"),
            *("--grpc_socket_path", str(unix), "--rest_api_num_threads=3", "--log_requests"),
        ],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            told = wait_for_line(process, "Running gRPC ModelServer at UNIX socket")
            assert "Successfully loaded servable version {name: a version: 2}" in told
            assert f"Running gRPC ModelServer at 0.0.0.0:{port} ..." in told
            assert "--rest_api_num_threads changes nothing here" in told
            assert [22.0] == ask(f"localhost:{port}", "a") == ask(f"unix:{unix}", "a")
            with grpc.insecure_channel(f"localhost:{port}") as channel:
                request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "a"})
                status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=10)
            assert [2] == [told.version for told in status.model_version_status]
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(timeout=30)
            assert process.stderr is not None
            requests = [json.loads(line) for line in process.stderr if line.startswith("{")]
            assert [("Predict", "a")] * 2 == [(told["api"], told["model"]) for told in requests][:2]
        finally:
            process.kill()


def test_sigterm_ends_a_process_that_waits_for_its_models(tmp_path: Path) -> None:
    flags = (f"--port={free_port()}", f"--model_base_path={tmp_path / 'm'}")
    with subprocess.Popen([*EXECUTABLE, *flags], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for_line(process, "Could not find base path")
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(timeout=30)
        finally:
            process.kill()


def test_as_a_process_that_cannot_start(tmp_path: Path) -> None:
    file = written(tmp_path / "models.config", "model_config_list { config { nam: 'm' } }")

    ended = subprocess.run(
        [*EXECUTABLE, f"--model_config_file={file}"], env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )

    assert 255 == ended.returncode
    assert (
        f"Failed to start server. Error: INVALID_ARGUMENT: Invalid protobuf file: '{file}': Error parsing text-format "
        'tensorflow.serving.ModelServerConfig: 1:30: Message type "tensorflow.serving.ModelConfig" has no field named '
        '"nam".\n'
    ) == ended.stderr


def test_wrong_flags_as_a_process() -> None:
    ended = subprocess.run([*EXECUTABLE, "--prot=1"], capture_output=True, text=True, timeout=60)

    assert (255, "unknown argument: --prot=1 See rnnzoo-model-server --help.\n") == (ended.returncode, ended.stderr)


def test_a_process_without_standard_error_fails_in_silence() -> None:
    closing = ["sh", "-c", 'exec "$@" 2>&-', "sh"]
    ended = subprocess.run([*closing, *EXECUTABLE, "--prot=1"], stdout=subprocess.PIPE, text=True, timeout=60)

    assert (255, "") == (ended.returncode, ended.stdout)


def wait_for_line(process: "subprocess.Popen[str]", text: str) -> str:
    """All that was told up to a line; the test's own time limit ends a wait in vain."""
    told = []
    assert process.stderr is not None
    deadline = time.monotonic() + 120
    for line in process.stderr:
        told.append(line)
        if text in line:
            return "".join(told)
        assert time.monotonic() < deadline
    raise AssertionError("".join(told))
