"""The REST API of a server in this process, asked by the standard library's client."""

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.repository.repository import Repository

Ask = Callable[..., Any]
NAMES = ("spell", "multiply", "count", "serving_default")
GOOD = b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}'


def test_rows_go_to_rows_and_columns_to_columns(rest_server: Server, ask: Ask) -> None:
    rows = ask(
        rest_server, "POST", "/v1/models/half:predict", '{"signature_name": "multiply", "instances": [[1, 0, 0]]}'
    )
    columns = ask(
        rest_server, "POST", "/v1/models/half/versions/3:predict", '{"inputs": {"x": [1.0, 2.0], "factor": [3.0, 3.0]}}'
    )

    assert (200, b'{\n    "predictions": [[1.0, 2.0]\n    ]\n}') == (rows.status, rows.body)
    assert "application/json" == rows.headers["Content-Type"]
    assert "Server" not in rows.headers
    assert {"outputs": {"negative": [-1.0, -2.0], "scaled": [3.0, 6.0]}} == columns.json


def test_text_goes_in_and_out(rest_server: Server, ask: Ask) -> None:
    reply = ask(
        rest_server,
        "POST",
        "/v1/models/half:predict",
        json.dumps(
            {"signature_name": "spell", "instances": ["a", {"b64": "Yg=="}, "naïve"]}, ensure_ascii=False
        ).encode(),
    )

    assert [("A", 1), ("B", 2), ("NAïVE", 0)] == [(row["upper"], row["ids"]) for row in reply.json["predictions"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/v1/models/none:predict", '{"instances": [1]}', 404, "Servable not found for request: Latest(none)"),
        (
            "POST",
            "/v1/models/half/versions/9:predict",
            '{"instances": [1]}',
            404,
            "Servable not found for request: Specific(half, 9)",
        ),
        (
            "POST",
            "/v1/models/half/labels/stable:predict",
            '{"instances": [1]}',
            400,
            "Unrecognized servable version label: stable",
        ),
        (
            "POST",
            "/v1/models/half:predict",
            '{"signature_name": "s", "instances": [1]}',
            400,
            'Serving signature name: "s" not found in signature def',
        ),
        ("POST", "/v1/models/half:predict", "", 400, "JSON Parse error: The document is empty"),
        ("POST", "/v1/models/half:classify", '{"examples": [{}]}', 400, None),
        ("POST", "/v1/models/half:regress", '{"examples": []}', 400, None),
        ("POST", "/v1/models/half:explain", "{}", 400, "Malformed request: POST /v1/models/half:explain"),
        ("POST", "/v1/models/half", "{}", 400, "Malformed request: POST /v1/models/half"),
        ("POST", "/v1/models/half:predict?a=b", "{}", 400, "Malformed request: POST /v1/models/half:predict?a=b"),
        ("PUT", "/v1/models/half", "{}", 400, "Malformed request: PUT /v1/models/half"),
        ("OPTIONS", "/v1/models/half", None, 400, "Malformed request: OPTIONS /v1/models/half"),
        ("GET", "/v1/models/half:predict", None, 400, "Malformed request: GET /v1/models/half:predict"),
        ("GET", "/v1/models/none", None, 404, "Could not find any versions of model none"),
        ("GET", "/v1/models/half/versions/9", None, 404, "Could not find version 9 of model half"),
        ("GET", "/v1/models/none/metadata", None, 404, "Servable not found for request: Latest(none)"),
        (
            "GET",
            "/v1/models/half/versions/99999999999999999999",
            None,
            400,
            "Failed to convert version: 99999999999999999999 to numeric.",
        ),
    ],
)
def test_refusals(
    rest_server: Server, method: str, path: str, body: str | None, status: int, message: str | None, ask: Ask
) -> None:
    reply = ask(rest_server, method, path, body)

    assert status == reply.status
    assert ["error"] == list(reply.json)
    if message is not None:
        assert message == reply.json["error"]


def test_other_paths_are_libevents_404(rest_server: Server, ask: Ask) -> None:
    reply = ask(rest_server, "GET", "/v2/health")

    assert 404 == reply.status
    assert b"<TITLE>404 Not Found</TITLE>" in reply.body


@pytest.mark.parametrize("path", ["/v1/models/half", "/V1/MODELS/half/Versions/3", "/v1/models/h%61lf"])
def test_status_as_tensorflow_serving_prints_it(rest_server: Server, path: str, ask: Ask) -> None:
    expected = """{
 "model_version_status": [
  {
   "version": "3",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
"""
    assert expected == ask(rest_server, "GET", path).body.decode()


def test_metadata_has_the_signatures(rest_server: Server, ask: Ask) -> None:
    metadata = ask(rest_server, "GET", "/v1/models/half/metadata").json

    assert {"name": "half", "version": "3", "signature_name": ""} == metadata["model_spec"]
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(NAMES) <= set(signatures)
    assert {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": signatures["serving_default"]["inputs"]["x"]["name"],
    } == signatures["serving_default"]["inputs"]["x"]


def test_models_are_listed(rest_server: Server, ask: Ask) -> None:
    (model,) = ask(rest_server, "GET", "/v1/models").json["models"]

    assert ("half", [{"version": "3", "state": "AVAILABLE", "labels": []}]) == (model["name"], model["versions"])
    assert sorted(NAMES) == model["signatures"]


def test_all_labels_of_a_version_are_listed(arithmetic: Path, ask: Ask) -> None:
    settings = ModelSettings(base_path=arithmetic, labels={"stable": 3, "prod": 3})
    server = make_server({"half": settings}, port=0, poll_seconds=0, rest_api_port=0)
    server.start()
    try:
        (model,) = ask(server, "GET", "/v1/models").json["models"]
    finally:
        server.stop()

    assert [["prod", "stable"]] == [version["labels"] for version in model["versions"]]


def test_a_gzip_body_is_unpacked_and_a_broken_one_is_empty(rest_server: Server, ask: Ask) -> None:
    body = b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}'
    gzipped = {"Content-Encoding": "gzip"}

    assert 200 == ask(rest_server, "POST", "/v1/models/half:predict", gzip.compress(body), gzipped).status
    broken = ask(rest_server, "POST", "/v1/models/half:predict", b"\x1f\x8b" + body, gzipped)
    assert (400, "JSON Parse error: The document is empty") == (broken.status, broken.json["error"])


@pytest.mark.parametrize("bits", [15, -15])
def test_a_deflated_body_is_unpacked_with_its_header_or_without(rest_server: Server, ask: Ask, bits: int) -> None:
    packer = zlib.compressobj(wbits=bits)
    body = packer.compress(b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}') + packer.flush()

    assert 200 == ask(rest_server, "POST", "/v1/models/half:predict", body, {"Content-Encoding": "deflate"}).status


@pytest.mark.parametrize("packing", ["br", "zstd", "compress"])
def test_other_packings_are_no_json(rest_server: Server, ask: Ask, packing: str) -> None:
    reply = ask(rest_server, "POST", "/v1/models/half:predict", b"\x0b\x02\x80{}\x03", {"Content-Encoding": packing})

    assert 400 == reply.status
    assert reply.json["error"].startswith("JSON Parse error")


def test_the_timeout_answers_504(rest_server: Server, ask: Ask) -> None:
    reply = ask(rest_server, "POST", "/v1/models/half:predict", '{"signature_name": "count", "inputs": 2000000000}')

    assert 504 == reply.status


def test_a_body_that_does_not_come_is_504(rest_server: Server, rest_port: Callable[[Server], int]) -> None:
    with socket.create_connection(("127.0.0.1", rest_port(rest_server)), timeout=30) as stalled:
        stalled.sendall(b'POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"instances"')
        answer = stalled.recv(65536)

    assert answer.startswith(b"HTTP/1.1 504 ")
    assert b'"error": "Timed out waiting for notification"' in answer


def test_a_request_that_no_worker_takes_is_504(arithmetic: Path, ask: Ask) -> None:
    server = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0, rest_api_timeout_in_ms=200, workers=1)
    server.start()
    busy, answered = threading.Event(), threading.Event()

    def work() -> bool:
        busy.set()
        return answered.wait(5)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(lambda: server._loop.run(server.core.in_thread(work)))
        assert busy.wait(30)
        reply = ask(server, "POST", "/v1/models/default:predict", GOOD)
        answered.set()
    server.stop()

    assert 504 == reply.status
    assert working.result()


def test_the_answer_says_which_version_gave_it_and_where_its_time_went(rest_server: Server, ask: Ask) -> None:
    reply = ask(
        rest_server, "POST", "/v1/models/half:predict", '{"signature_name": "multiply", "instances": [[1, 0, 0]]}'
    )

    version, *stages = reply.headers["Server-Timing"].split(", ")
    assert 'version;desc="3"' == version
    assert ["parse", "queue", "compute", "reply"] == [stage.split(";")[0] for stage in stages]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [(MemoryError("4 GB"), 429, "out of memory: 4 GB"), (ZeroDivisionError("by 0"), 500, "ZeroDivisionError: by 0")],
)
def test_what_breaks_inside_has_the_status_that_grpc_gives_it(
    error: Exception, status: int, message: str, rest_server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaking(*_: object) -> None:
        raise error

    monkeypatch.setattr(rest_server.core, "predict", breaking)
    reply = ask(rest_server, "POST", "/v1/models/half:predict", GOOD)
    assert (status, {"error": message}) == (reply.status, reply.json)


def test_live_and_ready(rest_server: Server, ask: Ask) -> None:
    assert 200 == ask(rest_server, "GET", "/healthz/live").status
    assert (200, b"ready\n") == ((reply := ask(rest_server, "GET", "/healthz/ready")).status, reply.body)


@pytest.mark.parametrize(
    ("ready", "missing", "status", "told"),
    [
        (True, ["gru"], 200, b"ready\nnot available: gru\n"),
        (False, ["gru", "lstm"], 503, b"not available: gru, lstm\n"),
        (False, [], 503, b"not available: any model\n"),
    ],
)
def test_any_model_makes_a_server_ready(
    ready: bool,
    missing: list[str],
    status: int,
    told: bytes,
    rest_server: Server,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Repository, "ready", ready)
    monkeypatch.setattr(Repository, "missing", missing)
    reply = ask(rest_server, "GET", "/healthz/ready")
    assert (status, told) == (reply.status, reply.body)


def test_a_draining_server_is_alive_but_not_ready(rest_server: Server, ask: Ask) -> None:
    rest_server.core.draining = True
    try:
        ready = ask(rest_server, "GET", "/healthz/ready")
        assert 200 == ask(rest_server, "GET", "/healthz/live").status
    finally:
        rest_server.core.draining = False

    assert (503, b"draining\n") == (ready.status, ready.body)


def test_prometheus_reads_the_metrics(rest_server: Server, ask: Ask) -> None:
    def count(status: str) -> float:
        page = ask(rest_server, "GET", "/monitoring/prometheus/metrics")
        assert page.headers["Content-Type"].startswith("text/plain")
        return sum(
            sample.value
            for family in text_string_to_metric_families(page.body.decode())
            for sample in family.samples
            if family.name == ":tensorflow:serving:request_count" and sample.labels["status"] == status
        )

    before = count("OK"), count("INVALID_ARGUMENT")
    ask(rest_server, "POST", "/v1/models/half:predict", '{"signature_name": "multiply", "instances": [[1, 0, 0]]}')
    ask(rest_server, "POST", "/v1/models/half:predict", "[")

    assert (before[0] + 1, before[1] + 1) == (count("OK"), count("INVALID_ARGUMENT"))


def test_calls_by_grpc_are_counted_beside_those_by_http(rest_server: Server, ask: Ask) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "half", "multiply"
    request.inputs["rows"].CopyFrom(tf.make_tensor_proto([[1.0, 0.0, 0.0]]))
    with grpc.insecure_channel(rest_server.address) as channel:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=30)

    page = ask(rest_server, "GET", "/monitoring/prometheus/metrics").body.decode()
    names = ":tensorflow:serving:request_latency_count", ":tensorflow:serving:runtime_latency_count"
    counted = {line.rpartition(" ")[0] for line in page.splitlines()}
    assert f'{names[0]}{{model_name="half",API="Predict",entrypoint="GRPC"}}' in counted
    assert f'{names[1]}{{model_name="half",API="Predict",runtime="TF1"}}' in counted
    assert 'rnnzoo_batch_rows_count{model_name="half"}' in counted


def test_requests_are_written_down_a_line_each(arithmetic: Path, caplog: pytest.LogCaptureFixture, ask: Ask) -> None:
    talkative = make_server({"half": arithmetic}, port=0, poll_seconds=0, rest_api_port=0, log_requests=True)
    talkative.start()
    try:
        assert 200 == ask(talkative, "POST", "/v1/models/half:predict", GOOD).status
        assert 400 == ask(talkative, "POST", "/v1/models/half:predict", "[").status
    finally:
        talkative.stop()

    lines = [json.loads(record.message) for record in caplog.records if record.name == "rnnzoo.requests"]
    assert [("half", 3, "multiply", "OK"), ("", 0, "", "INVALID_ARGUMENT")] == [
        (line["model"], line["version"], line["signature"], line["status"]) for line in lines
    ]
    first = lines[0]
    assert 0 < first["compute_ms"] <= first["total_ms"]
    assert first["total_ms"] >= first["parse_ms"] + first["queue_ms"] + first["compute_ms"] + first["reply_ms"] - 0.01


def test_other_origins_may_ask_where_they_are_let_in(arithmetic: Path, ask: Ask) -> None:
    open_server = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0, rest_api_enable_cors_support=True)
    open_server.start()
    try:
        preflight = ask(open_server, "OPTIONS", "/v1/models/default:predict")
        refused = ask(open_server, "GET", "/v1/models/none")
        metrics = ask(open_server, "GET", "/monitoring/prometheus/metrics")
    finally:
        open_server.stop()

    for reply in (preflight, refused):
        assert "*" == reply.headers["Access-Control-Allow-Origin"]
        assert "Content-Type" == reply.headers["Access-Control-Allow-Headers"]
    assert (200, b"") == (preflight.status, preflight.body)
    assert 404 == metrics.status


def test_answers_equal_those_of_the_model_itself(arithmetic: Path, rest_server: Server, ask: Ask) -> None:
    signature: Callable[..., dict[str, tf.Tensor]] = tf.saved_model.load(str(arithmetic / "3")).signatures["multiply"]
    rows = tf.random.stateless_normal((5, 3), (1, 2))

    body = json.dumps({"signature_name": "multiply", "instances": rows.numpy().tolist()})
    answered = ask(rest_server, "POST", "/v1/models/half:predict", body).json["predictions"]

    tf.debugging.assert_equal(signature(rows=rows)["product"], tf.constant(answered, tf.float32))
