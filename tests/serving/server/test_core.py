"""Many questions at once, of every kind and length: each answer is what it would be alone."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.batching import batching
from rnnzoo.serving.server.batching.batch_plan import batch_plan
from rnnzoo.serving.server.batching.parameters import BatchingParameters
from rnnzoo.serving.server.calls.inference import prepare, reply
from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings
from rnnzoo.serving.server.status import Code, StatusError

TEXTS = ("", "the", "the game is over .", "don't stop the game, the game is real-time", "漢字 " * 30, "\xff the")


@pytest.fixture(scope="module")
def repository(arithmetic: Path, exported: Path) -> Iterator[Repository]:
    repository = Repository({"numbers": arithmetic, "words": exported})
    yield repository
    repository.close()


def request(model: str, signature: str, **inputs: Any) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest(model_spec={"name": model, "signature_name": signature})
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def record() -> RequestRecord:
    return RequestRecord(api="Predict", entrypoint="GRPC")


def ask_all(
    repository: Repository, requests: list[predict_pb2.PredictRequest], **settings: Any
) -> list[dict[str, np.ndarray]]:
    async def main() -> list[predict_pb2.PredictResponse]:
        core = Core(repository, ServerSettings(**settings))
        try:
            return list(await asyncio.gather(*(core.predict(request, 60, record()) for request in requests)))
        finally:
            core.close()

    return [
        {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()} for response in asyncio.run(main())
    ]


@pytest.mark.parametrize("signature", ["predict_next", "score", "generate"])
def test_neighbours_change_nothing(repository: Repository, signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [request("words", signature, text=[text]) for text in TEXTS] * 3
    requests.append(request("words", signature, text=list(TEXTS)))
    runs: list[int] = []
    run_together = batching.run_together

    def counting(servable: Any, fetches: Any, tasks: Any, *others: Any) -> Any:
        runs.append(len(tasks))
        return run_together(servable, fetches, tasks, *others)

    monkeypatch.setattr(batching, "run_together", counting)

    together = ask_all(repository, requests, prefix_cache_bytes=0)
    alone = ask_all(repository, requests, batching="off", prefix_cache_bytes=0)

    assert len(runs) < len(requests)  # they did share runs
    for one, other in zip(together, alone, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            if one[name].dtype == np.float32:
                np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-5)
            else:
                np.testing.assert_array_equal(one[name], other[name])


def test_without_batching_answers_are_those_of_the_loaded_model(repository: Repository, exported: Path) -> None:
    loaded = tf.saved_model.load(str(exported / "1"))
    for texts in [*([text] for text in TEXTS), list(TEXTS)]:
        for signature in ("predict_next", "score"):
            asked = request("words", signature, text=texts)
            (answer,) = ask_all(repository, [asked], batching="off", prefix_cache_bytes=0)
            expected = loaded.signatures[signature](text=tf.constant(texts))
            assert expected.keys() == answer.keys()
            for name, value in expected.items():
                np.testing.assert_array_equal(value.numpy(), answer[name])


def test_other_models_are_batched_only_on_demand(repository: Repository) -> None:
    with repository.lease("numbers") as numbers:
        assert batch_plan(numbers, "multiply", all_models=False) is None
        assert batch_plan(numbers, "multiply", all_models=True) is not None
        assert batch_plan(numbers, "count", all_models=True) is None  # a scalar has no rows
    requests = [request("numbers", "multiply", rows=np.full((rows, 3), float(rows), np.float32)) for rows in (1, 2, 3)]
    requests.append(request("numbers", "serving_default", x=[1.0, 2.0]))  # a default of one row for two

    answers = ask_all(repository, requests, batching="all")

    assert [(1, 2), (2, 2), (3, 2)] == [answer["product"].shape for answer in answers[:3]]
    assert [[9.0 * rows, 12.0 * rows] for rows in (1, 2, 3)] == [
        answer["product"][0].tolist() for answer in answers[:3]
    ]
    assert [2.0, 4.0] == answers[3]["scaled"].tolist()


def test_what_is_not_batched_on_demand_is_told_once(repository: Repository, caplog: pytest.LogCaptureFixture) -> None:
    requests = [
        request("numbers", signature, **{name: value})
        for signature, name, value in (
            ("count", "n", np.int32(1)),
            ("count", "n", np.int32(2)),
            ("multiply", "rows", np.ones((1, 3), np.float32)),
        )
    ]

    ask_all(repository, requests)
    assert [] == caplog.records
    ask_all(repository, requests, batching="all")
    (told,) = (record.getMessage() for record in caplog.records)
    assert told.startswith("model numbers: requests to the signature count run one by one: ")


def test_short_texts_and_short_continuations_do_not_wait_for_long_ones(repository: Repository) -> None:
    def lane(text: str = "the", max_words: int = 20) -> Any:
        asked = request("words", "generate", text=[text], max_words=np.array([max_words], np.int32))
        with repository.lease("words") as words:
            plan = batch_plan(words, "generate", all_models=False)
            assert plan is not None
            shared = plan.feeds(prepare(words, asked))
            assert shared is not None
            return plan.lane(shared[0])

    assert lane(max_words=8) == lane() == lane(max_words=63)
    assert 4 == len({lane(max_words=most) for most in (7, 20, 200, 10_000)})
    assert lane() == lane("x" * 2047)
    assert 3 == len({lane("x" * length) for length in (2047, 2048, 8 * 2048)})


def test_a_record_has_its_own_rows_and_those_of_its_batch(repository: Repository) -> None:
    records = [record() for _ in range(3)]
    requests = [
        request("words", "score", text=["the"]),
        request("words", "score", text=["the", "game"]),
        request("numbers", "multiply", rows=np.ones((2, 3), np.float32)),  # never in a batch
    ]

    async def main() -> None:
        core = Core(repository, ServerSettings(batching_parameters=BatchingParameters(batch_timeout_micros=200_000)))
        try:
            await asyncio.gather(*(core.predict(*pair) for pair in zip(requests, [60] * 3, records, strict=True)))
        finally:
            core.close()

    asyncio.run(main())

    assert [(1, 3), (2, 3), (2, 0)] == [(record.rows, record.batch_rows) for record in records]


def test_large_messages_are_read_and_written_in_threads(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def told(work: Callable[..., Any]) -> Callable[..., Any]:
        def telling(*arguments: Any) -> Any:
            threads.append(threading.current_thread().name.rpartition("_")[0])
            return work(*arguments)

        return telling

    for work in (prepare, reply):
        monkeypatch.setattr(f"rnnzoo.serving.server.core.{work.__name__}", told(work))

    for size in (10, 2**17 + 1):
        (answer,) = ask_all(repository, [request("numbers", "serving_default", x=np.ones(size, np.float32))])
        assert (size,) == answer["scaled"].shape
    assert ["", "", "rnnzoo-serving", "rnnzoo-serving"] == threads


def test_waiting_is_bounded(repository: Repository) -> None:
    async def main() -> list[Any]:
        core = Core(repository, ServerSettings(workers=1, max_waiting=2, batching="off"))
        try:
            slow = [core.predict(request("numbers", "count", n=np.int32(20_000)), None, record()) for _ in range(6)]
            return list(await asyncio.gather(*slow, return_exceptions=True))
        finally:
            core.close()

    answers = asyncio.run(main())

    refused = [answer for answer in answers if isinstance(answer, StatusError)]
    assert [Code.RESOURCE_EXHAUSTED] * 3 == [error.code for error in refused]


def test_a_deadline_that_has_passed_runs_nothing(repository: Repository) -> None:
    async def main() -> None:
        core = Core(repository, ServerSettings())
        try:
            await core.predict(request("numbers", "count", n=np.int32(1)), 0.0, record())
        finally:
            core.close()

    with pytest.raises(StatusError) as caught:
        asyncio.run(main())

    assert Code.DEADLINE_EXCEEDED == caught.value.code
