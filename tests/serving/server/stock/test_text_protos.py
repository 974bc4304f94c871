"""Configuration files in TensorFlow Serving's own format, as its documentation has them."""

import os
from pathlib import Path

import pytest
from tensorflow_serving.config import model_server_config_pb2

from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.stock.text_protos import (
    Monitoring,
    read_batching_parameters,
    read_monitoring,
    read_text_proto,
    ssl_config,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "config.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_documented_batching_parameters(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        max_batch_size { value: 128 }  # as the batching guide has it
        batch_timeout_micros { value: 0 }
        max_enqueued_batches { value: 1000000 }
        num_batch_threads { value: 8 }
        thread_pool_name { value: "mine" }
        allowed_batch_sizes: 32
        allowed_batch_sizes: 128
        pad_variable_length_inputs: true
        """,
    )

    expected = BatchingParameters(
        max_batch_size=128,
        max_enqueued_batches=1000000,
        num_batch_threads=8,
        allowed_batch_sizes=(32, 128),
    )
    assert expected == read_batching_parameters(path)


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    read = read_batching_parameters(written(tmp_path, ""))

    assert (1000, 0, 10, os.cpu_count()) == (
        read.max_batch_size,
        read.batch_timeout_micros,
        read.max_enqueued_batches,
        read.num_batch_threads,
    )
    assert Monitoring(False, "/monitoring/prometheus/metrics") == read_monitoring(written(tmp_path, ""))


def test_a_split_batch_may_be_smaller(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "max_batch_size { value: 64 } enable_large_batch_splitting { value: true } "
        "max_execution_batch_size { value: 16 } allowed_batch_sizes: [4, 16]",
    )

    read = read_batching_parameters(path)

    assert (16, True) == (read.max_batch_size, read.enable_large_batch_splitting)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8",
        ),
        ("allowed_batch_sizes: [4, 4, 1000]", "allowed_batch_sizes entries must be monotonically increasing"),
        ("max_batch_size { value: 0 }", "max_batch_size must be at least 1, but got max_batch_size=0."),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be at least 0"),
    ],
)
def test_numbers_that_do_not_go_together(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_batching_parameters(written(tmp_path, text))

    assert str(caught.value).startswith(message)


def test_monitoring(tmp_path: Path) -> None:
    path = written(tmp_path, 'prometheus_config { enable: true, path: "/metrics" }')

    assert Monitoring(True, "/metrics") == read_monitoring(path)


def test_tls_with_inline_pem(tmp_path: Path) -> None:
    read = read_text_proto(written(tmp_path, 'server_key: "a\\nb"\nserver_cert: "c" "d"'), ssl_config())

    assert ("a\nb", "cd", False) == (read.server_key, read.server_cert, read.client_verify)


def test_unknown_fields_are_one_line_that_says_where(tmp_path: Path) -> None:
    path = written(tmp_path, "max_batch_size { value: 8 }\nmax_batch: 3")

    with pytest.raises(ValueError) as caught:
        read_batching_parameters(path)

    assert (
        f"Invalid protobuf file: '{path}': Error parsing text-format tensorflow.serving.BatchingParameters: 2:1: "
        'Message type "tensorflow.serving.BatchingParameters" has no field named "max_batch".'
    ) == str(caught.value)


@pytest.mark.parametrize("text", ["model_config_list {", "model_config_list: { config: { nam: 'x' } }", "\x00"])
def test_model_configs_are_refused_in_the_words_scripts_look_for(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"Error parsing text-format tensorflow.serving.ModelServerConfig: 1:"):
        read_text_proto(written(tmp_path, text), model_server_config_pb2.ModelServerConfig())


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "config.txt"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ValueError, match="Invalid protobuf file"):
        read_text_proto(path, ssl_config())
    with pytest.raises(FileNotFoundError):
        read_text_proto(tmp_path / "missing", ssl_config())
