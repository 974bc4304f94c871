"""The REST API of a server in this process, asked by the standard library's and by aiohttp's clients."""

import asyncio
import gzip
import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rnnzoo.serving.server.metrics import ServerMetrics
from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.request_record import RequestObserver
from rnnzoo.serving.server.rest import RestOptions, make_app
from rnnzoo.serving.server.rest_port import RestPort

NAMES = ("spell", "multiply", "count", "serving_default")


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def rest_part(server: Server) -> RestPort:
    (part,) = (part for part in server.parts if isinstance(part, RestPort))
    return part


def rest_port(server: Server) -> int:
    return rest_part(server).port


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def ask(
    server: Server, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", rest_port(server), timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Reply(response.status, dict(response.headers.items()), response.read())
    finally:
        connection.close()


def raw(server: Server, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", rest_port(server)), timeout=30) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(scope="module")
def server(arithmetic: Path) -> Iterator[Server]:
    server = make_server(
        {"half": arithmetic},
        port=0,
        poll_seconds=0,
        rest_api_port=0,
        monitoring_path="/monitoring/prometheus/metrics",
        rest_api_timeout_in_ms=500,
    )
    server.start()
    yield server
    server.stop()


def test_rows_go_to_rows_and_columns_to_columns(server: Server) -> None:
    rows = ask(server, "POST", "/v1/models/half:predict", '{"signature_name": "multiply", "instances": [[1, 0, 0]]}')
    columns = ask(
        server, "POST", "/v1/models/half/versions/3:predict", '{"inputs": {"x": [1.0, 2.0], "factor": [3.0, 3.0]}}'
    )

    assert (200, b'{\n    "predictions": [[1.0, 2.0]\n    ]\n}') == (rows.status, rows.body)
    assert "application/json" == rows.headers["Content-Type"]
    assert "Server" not in rows.headers
    assert {"outputs": {"negative": [-1.0, -2.0], "scaled": [3.0, 6.0]}} == columns.json


def test_text_goes_in_and_out(server: Server) -> None:
    reply = ask(
        server,
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
def test_refusals(server: Server, method: str, path: str, body: str | None, status: int, message: str | None) -> None:
    reply = ask(server, method, path, body)

    assert status == reply.status
    assert ["error"] == list(reply.json)
    if message is not None:
        assert message == reply.json["error"]


def test_other_paths_are_libevents_404(server: Server) -> None:
    reply = ask(server, "GET", "/v2/health")

    assert 404 == reply.status
    assert b"<TITLE>404 Not Found</TITLE>" in reply.body


@pytest.mark.parametrize("path", ["/v1/models/half", "/V1/MODELS/half/Versions/3", "/v1/models/h%61lf"])
def test_status_as_tensorflow_serving_prints_it(server: Server, path: str) -> None:
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
    assert expected == ask(server, "GET", path).body.decode()


def test_metadata_has_the_signatures(server: Server) -> None:
    metadata = ask(server, "GET", "/v1/models/half/metadata").json

    assert {"name": "half", "version": "3", "signature_name": ""} == metadata["model_spec"]
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(NAMES) <= set(signatures)
    assert {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": signatures["serving_default"]["inputs"]["x"]["name"],
    } == signatures["serving_default"]["inputs"]["x"]


def test_models_are_listed(server: Server) -> None:
    (model,) = ask(server, "GET", "/v1/models").json["models"]

    assert ("half", [{"version": "3", "state": "AVAILABLE"}]) == (model["name"], model["versions"])
    assert sorted(NAMES) == model["signatures"]


def test_a_gzip_body_is_unpacked_and_a_broken_one_is_empty(server: Server) -> None:
    body = b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}'
    gzipped = {"Content-Encoding": "gzip"}

    assert 200 == ask(server, "POST", "/v1/models/half:predict", gzip.compress(body), gzipped).status
    broken = ask(server, "POST", "/v1/models/half:predict", b"\x1f\x8b" + body, gzipped)
    assert (400, "JSON Parse error: The document is empty") == (broken.status, broken.json["error"])


def test_the_timeout_answers_504(server: Server) -> None:
    reply = ask(server, "POST", "/v1/models/half:predict", '{"signature_name": "count", "inputs": 2000000000}')

    assert 504 == reply.status


def test_the_answer_says_where_its_time_went(server: Server) -> None:
    reply = ask(server, "POST", "/v1/models/half:predict", '{"signature_name": "multiply", "instances": [[1, 0, 0]]}')

    stages = [stage.split(";")[0] for stage in reply.headers["Server-Timing"].split(", ")]
    assert ["parse", "queue", "compute", "reply"] == stages


def test_live_and_ready(server: Server) -> None:
    assert 200 == ask(server, "GET", "/healthz/live").status
    assert (200, b"ready\n") == ((reply := ask(server, "GET", "/healthz/ready")).status, reply.body)


def test_a_draining_server_is_alive_but_not_ready(server: Server) -> None:
    server.core.draining = True
    try:
        ready = ask(server, "GET", "/healthz/ready")
        assert 200 == ask(server, "GET", "/healthz/live").status
    finally:
        server.core.draining = False

    assert (503, b"draining\n") == (ready.status, ready.body)


def test_prometheus_reads_the_metrics(server: Server) -> None:
    def count(status: str) -> float:
        page = ask(server, "GET", "/monitoring/prometheus/metrics")
        assert page.headers["Content-Type"].startswith("text/plain")
        return sum(
            sample.value
            for family in text_string_to_metric_families(page.body.decode())
            for sample in family.samples
            if family.name == ":tensorflow:serving:request_count" and sample.labels["status"] == status
        )

    before = count("OK"), count("INVALID_ARGUMENT")
    ask(server, "POST", "/v1/models/half:predict", '{"signature_name": "multiply", "instances": [[1, 0, 0]]}')
    ask(server, "POST", "/v1/models/half:predict", "[")

    assert (before[0] + 1, before[1] + 1) == (count("OK"), count("INVALID_ARGUMENT"))


def test_calls_by_grpc_are_counted_beside_those_by_http(server: Server) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "half", "multiply"
    request.inputs["rows"].CopyFrom(tf.make_tensor_proto([[1.0, 0.0, 0.0]]))
    with grpc.insecure_channel(server.address) as channel:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=30)

    page = ask(server, "GET", "/monitoring/prometheus/metrics").body.decode()
    names = ":tensorflow:serving:request_latency_count", ":tensorflow:serving:runtime_latency_count"
    counted = {line.rpartition(" ")[0] for line in page.splitlines()}
    assert f'{names[0]}{{model_name="half",API="Predict",entrypoint="GRPC"}}' in counted
    assert f'{names[1]}{{model_name="half",API="Predict",runtime="TF1"}}' in counted
    assert 'rnnzoo_batch_rows_count{model_name="half"}' in counted


def test_requests_are_written_down_a_line_each(arithmetic: Path, caplog: pytest.LogCaptureFixture) -> None:
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


def test_other_origins_may_ask_where_they_are_let_in(arithmetic: Path) -> None:
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


def test_a_request_under_way_is_answered_when_the_server_stops(arithmetic: Path) -> None:
    draining = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0)
    draining.start()
    port = rest_port(draining)

    async def ask_and_stop() -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'{"signature_name": "count", "inputs": 300000}'
        head = f"POST /v1/models/default:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:10])
        await writer.drain()
        await until(lambda: rest_part(draining).under_way == 1)
        stopping = asyncio.get_running_loop().run_in_executor(None, draining.stop, 30.0)
        await until(lambda: draining.core.draining)
        writer.write(body[10:])
        answer = await reader.read()
        await stopping
        writer.close()
        return int(answer.split()[1]), answer

    status, answer = asyncio.run(ask_and_stop())
    assert 200 == status
    assert b"300000" in answer
    assert b"connection: close" in answer.lower()


def test_no_request_is_lost_when_a_server_under_load_stops(arithmetic: Path) -> None:
    stopping = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=0)
    stopping.start()
    port = rest_port(stopping)
    answered: list[int] = []
    lost: list[Exception] = []

    def keep_asking() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            try:
                connection.connect()
            except ConnectionRefusedError:
                return
            try:
                while connection.sock is not None:  # which is gone once the server has said that it closes
                    connection.request("POST", "/v1/models/default:predict", GOOD)
                    response = connection.getresponse()
                    response.read()
                    answered.append(response.status)
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                return

    callers = [threading.Thread(target=keep_asking) for _ in range(8)]
    for caller in callers:
        caller.start()
    asyncio.run(until(lambda: len(answered) >= 50 or bool(lost)))
    stopping.stop(30.0)
    for caller in callers:
        caller.join(60)

    assert [] == lost
    assert {200} == set(answered)


def test_a_port_in_use_is_one_clear_line(arithmetic: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second = make_server(arithmetic, port=0, poll_seconds=0, rest_api_port=taken.getsockname()[1])
        with pytest.raises(OSError, match=r"port \d+ on 127.0.0.1 is in use"):
            second.start()
        second.stop()


GOOD = b'{"signature_name": "multiply", "instances": [[1, 0, 0]]}'


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]),
        st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)).map(
            lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] :]
        ),
        st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists).map(
            lambda value: json.dumps({"signature_name": "multiply", "instances": [value]}).encode()
        ),
    )
)
def test_any_body_is_answered_with_200_or_4xx(server: Server, body: bytes) -> None:
    for method in ("predict", "classify"):
        reply = ask(server, "POST", f"/v1/models/half:{method}", body)
        assert reply.status == 200 or 400 <= reply.status < 500, reply
        json.loads(reply.body)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\xfe\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_broken_http_never_ends_the_server(server: Server, sent: bytes) -> None:
    answer = raw(server, sent)

    assert answer == b"" or 400 <= int(answer.split()[1]) < 500
    assert 200 == ask(server, "POST", "/v1/models/half:predict", GOOD).status


def test_deep_nesting_is_refused(server: Server) -> None:
    for body in (b"[" * 10**6, b'{"instances": ' * 10**5, b'{"inputs": ' + b"[" * 300 + b"]" * 300 + b"}"):
        assert 400 == ask(server, "POST", "/v1/models/half:predict", body).status


def test_a_gigabyte_is_refused_before_it_is_read(server: Server) -> None:
    port = rest_port(server)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {2**30}\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(65536)

    assert b" 413 " in answer.split(b"\r\n")[0]
    assert "must have at most" in json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
    assert 200 == ask(server, "POST", "/v1/models/half:predict", GOOD).status


def test_bodies_of_many_callers_are_bounded_together(server: Server) -> None:
    app = make_app(
        server.core, RequestObserver(ServerMetrics()), RestOptions(most_body_bytes=1000, most_body_bytes_at_once=1500)
    )

    async def statuses() -> tuple[int, int, int]:
        gate = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"x" * 900
            await gate.wait()

        path = "/v1/models/half:predict"
        async with TestClient(TestServer(app)) as client:
            first = asyncio.create_task(client.post(path, data=slowly()))
            async with asyncio.timeout(20):
                while (second := await client.post(path, data=b"x" * 900)).status != 429:
                    await asyncio.sleep(0.01)
            gate.set()
            after = await first
            return second.status, after.status, (await client.post(path, data=b"x" * 900)).status

    assert (429, 400, 400) == asyncio.run(statuses())


def test_a_bomb_in_gzip_is_refused(arithmetic: Path, server: Server) -> None:
    packed = gzip.compress(b" " * (128 * 2**20), compresslevel=1)
    reply = ask(server, "POST", "/v1/models/half:predict", packed, {"Content-Encoding": "gzip"})

    assert 413 == reply.status


def test_answers_equal_those_of_the_model_itself(arithmetic: Path, server: Server) -> None:
    signature: Callable[..., dict[str, tf.Tensor]] = tf.saved_model.load(str(arithmetic / "3")).signatures["multiply"]
    rows = tf.random.stateless_normal((5, 3), (1, 2))

    body = json.dumps({"signature_name": "multiply", "instances": rows.numpy().tolist()})
    answered = ask(server, "POST", "/v1/models/half:predict", body).json["predictions"]

    tf.debugging.assert_equal(signature(rows=rows)["product"], tf.constant(answered, tf.float32))
