"""A continuation comes word by word, the same as in one piece, and stops when nobody listens."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from rnnzoo.serving.client import Client
from rnnzoo.serving.errors import DeadlineError, InvalidRequestError, ModelNotFoundError
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.process import Server, make_server
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.services.speaking import speak
from rnnzoo.serving.speaking_protocol import speaking_messages


@pytest.fixture(scope="module")
def client(language_model_server: Server) -> Iterator[Client]:
    with Client(language_model_server.address, timeout=60) as client:
        yield client


@pytest.mark.parametrize("text", ["", "the game", "don't stop", "\u00a0", "naïve 漢字 nowhere"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_pieces_are_the_continuation(client: Client, text: str, seed: int) -> None:
    pieces = list(client.stream(text, 12, temperature=1.5, top_p=0.95, seed=seed))

    (whole,) = client.generate([text], 12, temperature=1.5, top_p=0.95, seed=seed)
    assert whole == "".join(pieces)
    assert len(pieces) <= 12


def test_greedy_is_not_the_default(client: Client) -> None:
    greedy = "".join(client.stream("the game", 12, temperature=0.0))

    assert client.generate(["the game"], 12, temperature=0.0) == [greedy]
    assert 1 < len({"".join(client.stream("the game", 12)) for _ in range(6)})


def test_the_first_stream_runs_what_has_run_before(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: set[tuple[frozenset[str], frozenset[str]]] = set()
    run = Servable.run

    def noted(self: Servable, feeds: dict[str, Any], fetches: Sequence[str], timeout: float | None = None) -> Any:
        runs.add((frozenset(feeds), frozenset(fetches)))
        return run(self, feeds, fetches, timeout)

    monkeypatch.setattr(Servable, "run", noted)
    server = make_server(exported, port=0, poll_seconds=0)
    server.start()
    warm = set(runs)
    with Client(server.address, timeout=60) as client:
        assert list(client.stream("the game", 3, seed=1))
    server.stop()

    assert warm == runs


def test_all_runs_are_in_the_times_of_a_stream(language_model_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    core = language_model_server.core
    seconds: list[float] = []
    monkeypatch.setattr(core, "metrics", SimpleNamespace(batch=lambda name, rows, took: seconds.append(took)))
    request = speaking_messages["GenerateRequest"](model_spec={"name": "default"}, text="over and over", max_words=3)
    record = RequestRecord(api="Generate", entrypoint="GRPC")

    async def pieces() -> list[Any]:
        return [piece async for piece in speak(core, request, 60, record)]

    language_model_server._loop.run(pieces())

    assert len(seconds) >= 2
    assert sum(seconds) == pytest.approx(record.compute)
    assert 0 < record.queue
    assert "miss" == record.cache


def test_hanging_up_ends_the_work(
    client: Client, language_model_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[float] = []
    run = Servable.run

    def counted(self: Servable, *arguments: object) -> object:
        runs.append(time.monotonic())
        time.sleep(0.01)
        return run(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Servable, "run", counted)
    for seed in range(20):  # until one is long enough
        stream = client.stream("the game", 10_000, temperature=100.0, seed=seed)
        if len([piece for piece, _ in zip(stream, range(5), strict=False)]) == 5:
            break
    stream.close()  # type: ignore[attr-defined]

    def cancelled() -> bool:
        metrics = language_model_server.core.metrics.exposition().decode()
        return 'request_count{model_name="default",status="CANCELLED"}' in metrics

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not cancelled():
        time.sleep(0.05)
    assert cancelled()
    while time.monotonic() < deadline and (not runs or time.monotonic() - runs[-1] < 0.5):
        time.sleep(0.05)
    assert time.monotonic() - runs[-1] >= 0.5
    assert len(runs) < 1_000


def test_refusals(client: Client, arithmetic_server: Server) -> None:
    for name, value, rule in (
        ("top_p", 0.0, "top_p must be above 0 and at most 1"),
        ("temperature", float("nan"), "temperature must be at least 0"),
    ):
        request = speaking_messages["GenerateRequest"](model_spec={"name": "default"}, text="the")
        getattr(request, name).value = value
        getattr(request, name).SetInParent()
        with pytest.raises(InvalidRequestError, match=rule):
            list(client._transport.stream(request.SerializeToString(), 10.0))
    with pytest.raises(InvalidRequestError, match="max_words must be from 1 to 10000"):
        list(client.stream("the", 10_001))
    with pytest.raises(DeadlineError), Client(client._transport._address, timeout=0.001) as hurried:  # type: ignore
        list(hurried.stream("the game " * 2000, 1_000))
    with Client(arithmetic_server.address) as numbers, pytest.raises(ModelNotFoundError, match='"speak" not found'):
        list(numbers.stream("the"))
    with Client(client._transport._address, "nobody") as nobody, pytest.raises(ModelNotFoundError):  # type: ignore
        list(nobody.stream("the"))


def test_a_request_of_nonsense(language_model_server: Server) -> None:
    with grpc.insecure_channel(language_model_server.address) as channel:
        generate = channel.unary_stream("/rnnzoo.serving.Speaker/Generate")
        for nonsense in (b"", b"\xff\xff", b"\x12\x01\xff"):
            with pytest.raises(grpc.RpcError) as caught:
                list(generate(nonsense, timeout=10))
            assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
