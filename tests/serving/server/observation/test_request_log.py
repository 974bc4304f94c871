"""What is written down about requests: lines, and files that warm models up."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.server.observation.metrics import ServerMetrics
from rnnzoo.serving.server.observation.observing import RequestObserver
from rnnzoo.serving.server.observation.request_log import RequestLog
from rnnzoo.serving.server.process import make_server
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.warmup import WARMUP_FILE, warm_up


def request(value: float = 1.0) -> predict_pb2.PredictRequest:
    made = predict_pb2.PredictRequest()
    made.model_spec.name = "half"
    made.inputs["x"].CopyFrom(tf.make_tensor_proto([value]))
    made.inputs["factor"].CopyFrom(tf.make_tensor_proto([2.0]))
    return made


def records(folder: Path) -> list[prediction_log_pb2.PredictionLog]:
    files = sorted(str(file) for file in folder.iterdir())
    return [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in tf.data.TFRecordDataset(files)]


def test_served_requests_are_kept_with_their_answers(arithmetic: Path, tmp_path: Path) -> None:
    server = make_server({"half": arithmetic}, port=0, poll_seconds=0, request_log_folder=str(tmp_path / "log"))
    server.start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            answer = stub.Predict(request(3.0))
            refused = request()
            refused.inputs["other"].CopyFrom(refused.inputs["x"])
            with pytest.raises(grpc.RpcError):
                stub.Predict(refused)
    finally:
        server.stop()

    (kept,) = records(tmp_path / "log")  # what fails would fail a warm-up, too
    assert request(3.0) == kept.predict_log.request
    assert answer == kept.predict_log.response
    assert ("half", 3) == (kept.log_metadata.model_spec.name, kept.log_metadata.model_spec.version.value)
    assert 1.0 == kept.log_metadata.sampling_config.sampling_rate


def test_files_end_by_size_and_the_oldest_go(tmp_path: Path) -> None:
    for _ in range(2):  # a second server goes on behind the files of the first
        log = RequestLog(tmp_path, most_bytes=1, most_files=3, most_waiting=100)
        for value in range(4):
            assert log.put("Predict", request(value), predict_pb2.PredictResponse())
        log.close()

    names = sorted(file.name for file in tmp_path.iterdir())
    assert ["requests-00005.tfrecord", "requests-00006.tfrecord", "requests-00007.tfrecord"] == names
    assert [1.0, 2.0, 3.0] == [tf.make_ndarray(log.predict_log.request.inputs["x"])[0] for log in records(tmp_path)]


def test_an_answer_never_waits_for_the_disk(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, most_waiting=1)
    metrics = ServerMetrics()
    observer = RequestObserver(metrics, request_log=log)
    for _ in range(200):
        record = observer.begin("Predict", "GRPC")
        record.request, record.response = request(), predict_pb2.PredictResponse()
        observer.finish(record, 0)
    log.close()

    (line,) = (
        line for line in metrics.exposition().decode().splitlines() if line.startswith("rnnzoo_request_log_dropped")
    )
    assert 200 == len(records(tmp_path)) + int(line.split()[-1])


def test_what_waits_is_bounded_in_bytes(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, most_waiting_bytes=10)

    assert not log.put("Predict", request(), predict_pb2.PredictResponse())
    log.close()


def test_the_files_warm_models_up(tmp_path: Path, save_arithmetic: Callable[..., None]) -> None:
    log = RequestLog(tmp_path / "log")
    log.put("Predict", request(), predict_pb2.PredictResponse())
    log.put("Predict", request(), predict_pb2.PredictResponse())
    log.close()
    save_arithmetic(tmp_path / "half", 1)
    (tmp_path / "half" / "1" / "assets.extra").mkdir()
    shutil.copy(tmp_path / "log" / "requests-00000.tfrecord", tmp_path / "half" / "1" / WARMUP_FILE)

    servable = Servable("half", 1, tmp_path / "half" / "1")
    assert 2 == warm_up(servable)
    servable.close()


def test_a_disk_that_fails_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = RequestLog(tmp_path / "log")
    (tmp_path / "log").rmdir()
    for _ in range(3):
        log.put("Predict", request(), predict_pb2.PredictResponse())
    log.close()

    assert 1 == sum("cannot be written" in record.message for record in caplog.records)


def test_a_record_that_cannot_be_made_is_lost_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lost: list[None] = []
    log = RequestLog(tmp_path, unwritten=lambda: lost.append(None))
    log.put("Predict", request(1.0), predict_pb2.PredictResponse(), sampling_rate="one half")  # type: ignore[arg-type]
    log.put("Predict", request(2.0), predict_pb2.PredictResponse())
    log.close()

    assert [2.0] == [tf.make_ndarray(log.predict_log.request.inputs["x"])[0] for log in records(tmp_path)]
    assert 1 == len(lost)
    assert f"the request log in {tmp_path} cannot be written" in caplog.text


def test_a_disk_that_is_full_for_a_moment_leaves_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = {1, 2, 4}  # which of the records meet it
    values = iter(range(6))

    class Writer(tf.io.TFRecordWriter):  # type: ignore[misc]
        def __init__(self, path: str) -> None:
            super().__init__(path)
            self._path = path

        def flush(self) -> None:
            super().flush()
            if next(values) in full:
                os.truncate(self._path, os.path.getsize(self._path) - 5)
                raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io, "TFRecordWriter", Writer)
    lost: list[None] = []
    log = RequestLog(tmp_path, unwritten=lambda: lost.append(None))
    for value in range(6):
        log.put("Predict", request(value), predict_pb2.PredictResponse())
    log.close()

    assert [0.0, 3.0, 5.0] == [tf.make_ndarray(log.predict_log.request.inputs["x"])[0] for log in records(tmp_path)]
    assert [f"requests-0000{number}.tfrecord" for number in range(3)] == sorted(
        file.name for file in tmp_path.iterdir()
    )
    assert 3 == len(lost)


def test_a_folder_that_cannot_be_is_told_before_any_model_loads(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    rule = r"^request_log_folder must be a folder that can be written to, but got .*/file/log: Not a directory\.$"
    with pytest.raises(OSError, match=rule):
        make_server(tmp_path / "no model", port=0, request_log_folder=str(tmp_path / "file" / "log"))


def test_only_a_share_is_kept(tmp_path: Path) -> None:
    observer = RequestObserver(ServerMetrics(), request_log=RequestLog(tmp_path), sampling_rate=0.0)
    record = observer.begin("Predict", "GRPC")
    record.request, record.response = request(), predict_pb2.PredictResponse()
    observer.finish(record, 0)
    observer.close()

    assert [] == list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="sampling_rate must be between 0 and 1"):
        RequestObserver(ServerMetrics(), sampling_rate=1.5)


def test_only_what_runs_a_model_is_counted() -> None:
    metrics = ServerMetrics()
    observer = RequestObserver(metrics)
    for api in ("GetModelMetadata", "GetModelStatus", "HandleReloadConfigRequest", "Predict", "Generate"):
        observer.finish(observer.begin(api, "GRPC"), 0)

    counted = [line for line in metrics.exposition().decode().splitlines() if "request_count{" in line]
    assert [':tensorflow:serving:request_count{model_name="",status="OK"} 2'] == counted


def test_a_line_of_json_says_where_the_time_went(caplog: pytest.LogCaptureFixture) -> None:
    observer = RequestObserver(ServerMetrics(), log_lines=True)
    record = observer.begin("Predict", "REST")
    record.model_name, record.model_version, record.cache = "lstm", 3, "hit"
    record.rows, record.batch_rows = 1, 8
    record.parse, record.queue, record.compute, record.reply = 0.001, 0.002, 0.003, 0.004
    with caplog.at_level(logging.INFO, "rnnzoo.requests"):
        observer.finish(record, 0)
        observer.finish(observer.begin("Predict", "GRPC"), 3, "a\nlong reason")

    first, second = (json.loads(entry.message) for entry in caplog.records)
    assert {"parse_ms": 1.0, "queue_ms": 2.0, "compute_ms": 3.0, "reply_ms": 4.0}.items() <= first.items()
    assert ("lstm", 3, "OK", "hit", 1) == tuple(first[key] for key in ("model", "version", "status", "cache", "rows"))
    assert 8 == first["batch_rows"]
    assert ("INVALID_ARGUMENT", "a\nlong reason") == (second["status"], second["message"])
    assert first["total_ms"] >= 0
