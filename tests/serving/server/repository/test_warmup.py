"""Warm-up files as TensorFlow writes them: asked before a version answers, and a version that fails them does not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from rnnzoo.serving.server.repository.loading import load_servable, warm_servable
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.version_states import State
from rnnzoo.serving.server.status import StatusError


@pytest.fixture
def folder(arithmetic: Path, tmp_path: Path) -> Path:
    shutil.copytree(arithmetic / "3", tmp_path / "m" / "3")
    (tmp_path / "m" / "3" / "assets.extra").mkdir()
    return tmp_path / "m" / "3"


def write(folder: Path, *records: bytes) -> None:
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        for record in records:
            writer.write(record)


def predict_log(signature: str = "", **inputs: object) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = "another name", signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log.SerializeToString()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The tensors that were fed, run by run."""
    seen: list[set[str]] = []
    run: Callable[..., object] = Servable.run

    def spy(servable: Servable, feeds: dict[str, object], *rest: object) -> object:
        seen.append(set(feeds))
        return run(servable, feeds, *rest)

    monkeypatch.setattr(Servable, "run", spy)
    return seen


def test_records_are_asked_in_order(folder: Path, runs: list[set[str]]) -> None:
    write(folder, predict_log("spell", text=["a"]), predict_log(x=[1.0]), b"")

    warm_servable(load_servable("m", 3, folder))

    assert [{"spell_text:0"}, {"serving_default_x:0", "serving_default_factor:0"}] == runs


def test_they_may_be_asked_often_or_not_at_all(folder: Path, runs: list[set[str]]) -> None:
    write(folder, predict_log(x=[1.0]))

    servable = load_servable("m", 3, folder)
    assert [] == runs
    warm_servable(servable, iterations=3)
    assert 3 == len(runs)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([predict_log("S")], 'Serving signature key "S" not found.'),
        ([predict_log("multiply", rows=[[1.0]])], "Matrix size-incompatible"),
        ([b"\xff\xff"], r"Failed to parse warmup record: b'\\xff\\xff' from .*tf_serving_warmup_requests"),
        ([b""] * 1001, r"Number of warmup records exceeds the maximum \(1000\) at .*tf_serving_warmup_requests"),
        (
            [prediction_log_pb2.PredictionLog(session_run_log={}).SerializeToString()],
            "Unsupported log_type for warmup: 5",
        ),
        (
            [prediction_log_pb2.PredictionLog(classify_log={"request": {}}).SerializeToString()],
            "Expected one input Tensor.",
        ),
        (
            [prediction_log_pb2.PredictionLog(regress_log={"request": {}}).SerializeToString()],
            "Expected one input Tensor.",
        ),
        (
            [
                prediction_log_pb2.PredictionLog(
                    multi_inference_log={"request": {"tasks": [{"model_spec": {"name": "m"}}]}}
                ).SerializeToString()
            ],
            "Unsupported signature method_name: ",
        ),
    ],
)
def test_what_fails_is_not_served(folder: Path, records: list[bytes], message: str) -> None:
    write(folder, *records)

    with pytest.raises(StatusError, match=message):
        warm_servable(load_servable("m", 3, folder))


def test_our_own_exports_are_asked_every_signature(exported: Path, runs: list[set[str]]) -> None:
    servable = load_servable("lm", 1, exported / "1")
    warm_servable(servable)

    signatures = [signature for signature in servable.signatures.values() if signature.method_name]
    assert len(signatures) >= 5
    assert {frozenset(info.name for info in signature.inputs.values()) for signature in signatures} == set(
        map(frozenset, runs)
    )


def test_a_thousand_records_are_not_too_many(folder: Path) -> None:
    write(folder, *[b""] * 1000)

    warm_servable(load_servable("m", 3, folder))


def test_a_file_that_is_no_tfrecord(folder: Path) -> None:
    (folder / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"anything but records")

    with pytest.raises(StatusError, match=r"Please verify your warmup data is in TFRecord format\.$") as caught:
        warm_servable(load_servable("m", 3, folder))

    assert 15 == caught.value.code


def test_the_version_before_goes_on(folder: Path) -> None:
    repository = Repository({"m": folder.parent}, load_servable, warm_servable)
    shutil.copytree(folder, folder.with_name("4"))
    write(folder.with_name("4"), predict_log("S"))

    repository.refresh()

    assert {"m": [3]} == repository.versions
    newest = repository.states("m")[0]
    assert (State.LOADING, 9, 'Serving signature key "S" not found.') == (newest.state, newest.code, newest.message)
    repository.close()
