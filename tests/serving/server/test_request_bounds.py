"""What would take too much memory, or too long, is refused before it runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server import request_bounds
from rnnzoo.serving.server.calls.inference import prepare
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.request_bounds import check_bounds
from rnnzoo.serving.server.status import Code, StatusError


@pytest.fixture(scope="module")
def servable(exported: Path) -> Iterator[Servable]:
    servable = Servable("words", 1, exported / "1")
    yield servable
    servable.close()


def check(servable: Servable, signature: str, **inputs: Any) -> None:
    request = predict_pb2.PredictRequest(model_spec={"signature_name": signature})
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    check_bounds(servable, prepare(servable, request), max_batch_size=10)


@pytest.mark.parametrize(
    ("signature", "inputs", "rule"),
    [
        ("predict_next", {"text": ["the"] * 161}, "Task size 161 is larger than maximum input batch size 160"),
        ("step", {"token_ids": [1], "layer_0_state_0": np.zeros((161, 12), np.float32)}, "Task size 161"),
        ("score", {"text": ["x" * 2**20, "", ""]}, "rows times the bytes of the longest text must be at most 2097152"),
        ("extend", {"text": [""], "unfinished": ["x" * (2**21 + 1)]}, "rows times the bytes of the longest text"),
        ("generate", {"text": ["a"] * 101, "max_words": [1000]}, "must be at most 100000, but got 101 times 1000."),
        ("generate", {"text": ["a"] * 11, "max_words": np.int32(10_000)}, "but got 11 times 10000."),
    ],
)
def test_what_is_too_much(servable: Servable, signature: str, inputs: dict[str, Any], rule: str) -> None:
    with pytest.raises(StatusError, match=rule) as caught:
        check(servable, signature, **inputs)
    assert Code.INVALID_ARGUMENT == caught.value.code


def test_what_is_not(servable: Servable) -> None:
    check(servable, "predict_next", text=["the"] * 160)
    check(servable, "predict_next", text=np.array([], object))
    check(servable, "score", text=["x" * 2**20, ""])
    check(servable, "generate", text=["a"] * 10, max_words=[10_000])


def test_rows_of_many_words_are_fewer(servable: Servable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bounds, "_MOST_LOGITS", 20 * 14)  # of the 14 words of the vocabulary
    check(servable, "predict_next", text=["the"] * 20)
    with pytest.raises(StatusError, match=r"Task size 21 is larger than maximum input batch size 20$"):
        check(servable, "predict_next", text=["the"] * 21)
    monkeypatch.setattr(request_bounds, "_MOST_LOGITS", 1)
    check(servable, "predict_next", text=["the"] * 10)
