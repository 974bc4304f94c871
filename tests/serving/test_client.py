"""The client asks what it should, reads what it gets, and never needs TensorFlow."""

import math
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from rnnzoo.models import LanguageModel, Sampler, Suggestion
from rnnzoo.serving.async_client import AsyncClient
from rnnzoo.serving.client import Client
from rnnzoo.serving.errors import InvalidRequestError, ModelNotFoundError
from rnnzoo.serving.protocol import messages
from rnnzoo.serving.server.process import Server
from rnnzoo.serving.tensors import decode_tensor, encode_tensor

TEXTS = ["the game is", "", "don't stop 漢字 unheard-of", "over . " * 30]


@pytest.fixture(scope="module")
def client(language_model_server: Server) -> Iterator[Client]:
    with Client(language_model_server.address) as client:
        yield client


class Recorder:
    """A transport that answers every Predict with the same outputs."""

    def __init__(self, **outputs: Any) -> None:
        self.requests: list[tuple[str, Any, float]] = []
        self.closed = False
        self.answer = messages["PredictResponse"]()
        for name, value in outputs.items():
            encode_tensor(np.asarray(value), self.answer.outputs[name])

    def call(self, method: str, request: bytes, timeout: float) -> bytes:
        self.requests.append((method, messages["PredictRequest"].FromString(request), timeout))
        return bytes(self.answer.SerializeToString())

    def stream(self, request: bytes, timeout: float) -> Iterator[bytes]:
        raise AssertionError(request)

    def close(self) -> None:
        self.closed = True


class Unasked:
    """An asynchronous transport that nobody may use."""

    async def call(self, method: str, request: bytes, timeout: float) -> bytes:
        raise AssertionError(method)

    async def stream(self, request: bytes, timeout: float) -> AsyncIterator[bytes]:
        raise AssertionError(request)
        yield b""

    async def close(self) -> None:
        pass


def test_what_is_asked() -> None:
    recorder = Recorder(words=[[b"a", b"b"]], probabilities=[[0.75, 0.25]])
    with Client(model_name="lstm", version=4, timeout=3, transport=recorder) as client:
        answer = client.predict_next("once", top_k=1)

    ((method, request, timeout),) = recorder.requests
    assert [[Suggestion("a", 0.75)]] == answer
    assert ("Predict", 3) == (method, timeout)
    assert ("lstm", 4, "predict_next") == (
        request.model_spec.name,
        request.model_spec.version.value,
        request.model_spec.signature_name,
    )
    assert [b"once"] == decode_tensor(request.inputs["text"]).tolist()
    assert recorder.closed


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1.5], np.float32),
        ([1], np.int32),
        ([2**40], np.int64),
        (np.array([1.5]), np.float64),
        (np.int64(3), np.int64),
        ([True], np.bool_),
        ("text", object),
        ([["a"], [b"b"]], object),
    ],
)
def test_types_of_raw_inputs(value: Any, dtype: type) -> None:
    recorder = Recorder()

    Client(transport=recorder).predict("any", {"x": value}, outputs=["y"])

    ((_, request, _),) = recorder.requests
    assert np.dtype(dtype) == decode_tensor(request.inputs["x"]).dtype
    assert ["y"] == list(request.output_filter)


@pytest.mark.parametrize("value", [b"a\0", "a\0", [b"ab\0\0", b"\0"], [["a\0", "b"], ["", "\0\0"]]], ids=repr)
def test_text_travels_with_its_zero_bytes(value: Any) -> None:
    recorder = Recorder()

    Client(transport=recorder).predict("any", {"x": value})

    ((_, request, _),) = recorder.requests
    expected = np.array(value, dtype=object)
    assert expected.shape == tuple(axis.size for axis in request.inputs["x"].tensor_shape.dim)
    assert [text.encode() if isinstance(text, str) else text for text in expected.ravel()] == list(
        request.inputs["x"].string_val
    )


def test_predict_next_is_what_keras_says(client: Client, language_model: LanguageModel) -> None:
    for expected, answered in zip(language_model.predict_next(TEXTS), client.predict_next(TEXTS), strict=True):
        assert [suggestion.word for suggestion in expected] == [suggestion.word for suggestion in answered]
        np.testing.assert_allclose(
            [suggestion.probability for suggestion in expected],
            [suggestion.probability for suggestion in answered],
            rtol=1e-4,
        )


def test_top_k_ends_where_the_export_does(client: Client) -> None:
    assert 10 == len(client.predict_next("the", top_k=10)[0])
    for top_k in (0, 11):
        with pytest.raises(ValueError, match=rf"top_k must be from 1 to 10, .*, but got top_k={top_k}."):
            client.predict_next("the", top_k=top_k)
    with pytest.raises(ValueError, match=r"top_k must be from 1 to 10, .*, but got top_k=11."):
        client.typing(top_k=11).predict_next("the")


def test_score_is_what_keras_says(client: Client, language_model: LanguageModel) -> None:
    for expected, answered in zip(language_model.score(TEXTS), client.score(TEXTS), strict=True):
        assert expected.words == answered.words
        np.testing.assert_allclose(expected.log_probabilities, answered.log_probabilities, rtol=1e-4)
        assert math.isclose(expected.total, answered.total, rel_tol=1e-4)


def test_generate_is_what_keras_says(client: Client, language_model: LanguageModel) -> None:
    options: list[dict[str, Any]] = [{}, {"temperature": 0.0}, {"temperature": 2.0, "top_k": 3}, {"top_p": 0.5}]
    for option in options:
        expected = [
            language_model.generate(text, 8, Sampler(**option), seed=5 + row)[0] for row, text in enumerate(TEXTS)
        ]
        assert expected == client.generate(TEXTS, 8, seed=5, **option)


def test_without_a_seed_every_continuation_is_another(client: Client) -> None:
    assert 1 < len({client.generate("the", 12, temperature=3.0)[0] for _ in range(6)})


def test_steps_lead_to_the_same_next_word(client: Client, language_model: LanguageModel) -> None:
    vocabulary = language_model.vocabulary
    states = None
    for word in [vocabulary.end_id, *vocabulary.encode("the game is")]:
        log_probabilities, states = client.step([word, word], states)

    (expected,) = language_model.predict_next("the game is", top_k=10)
    likeliest = [word for word in np.argsort(-log_probabilities[1]) if word != vocabulary.unknown_id][:10]
    assert [suggestion.word for suggestion in expected] == [vocabulary.words[word] for word in likeliest]
    np.testing.assert_allclose(
        [suggestion.probability for suggestion in expected], np.exp(log_probabilities[1, likeliest]), rtol=1e-4
    )


def test_metadata(client: Client) -> None:
    signatures = client.metadata()

    assert {"serving_default", "predict_next", "score", "generate", "step", "extend", "speak"} == set(signatures)
    assert (None,) == signatures["predict_next"]["inputs"]["text"].shape
    assert (None, 10) == signatures["predict_next"]["outputs"]["words"].shape
    assert not signatures["generate"]["inputs"]["text"].optional
    assert signatures["generate"]["inputs"]["seed"].optional
    assert (None, 12) == signatures["step"]["inputs"]["layer_0_state_0"].shape


@pytest.mark.parametrize(
    ("signature", "asked"), [("extend", {"text": ["the"]}), ("speak", {"index": [0]}), ("step", {"token_ids": [2]})]
)
def test_states_of_another_width_are_no_rows_to_answer(client: Client, signature: str, asked: dict[str, Any]) -> None:
    for shape in ((), (12,), (1, 1), (1000, 1)):
        with pytest.raises(InvalidRequestError):
            client.predict(signature, {**asked, "layer_0_state_0": np.zeros(shape, np.float32)})


def test_a_refusal_is_one_line_that_names_the_server(client: Client, language_model_server: Server) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.predict("generate", {"text": ["the"], "temperature": [-1.0]})

    refusal = "INVALID_ARGUMENT: temperature must be at least 0 and finite."
    assert f"the server at {language_model_server.address} answered {refusal}" == str(caught.value)


def test_one_control_may_be_for_all_texts(client: Client) -> None:
    controls = {"max_words": 5, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 1}
    whole = client.predict("generate", {"text": TEXTS, **controls})["continuation"]
    rows = {name: [value] * len(TEXTS) for name, value in controls.items()}
    assert client.predict("generate", {"text": TEXTS, **rows})["continuation"].tolist() == whole.tolist()
    speech = client.predict("speak", {name: value for name, value in controls.items() if name != "max_words"})
    assert (1,) == speech["word"].shape


@pytest.mark.parametrize("missing", [{"model_name": "M"}, {"version": 9}])
def test_what_is_not_served(language_model_server: Server, missing: dict[str, Any]) -> None:
    with Client(language_model_server.address, **missing) as client, pytest.raises(ModelNotFoundError):
        client.predict_next("the")
    with Client(language_model_server.address) as client, pytest.raises(ModelNotFoundError, match=r'key "S" not found'):
        client.predict("S", {})


def test_mistakes_that_never_reach_a_server() -> None:
    rule = "timeout must be a positive number of seconds, at most 1000000000, but got timeout="
    for timeout in (0, -1.0, math.nan, math.inf, 1e10):
        with pytest.raises(ValueError, match=f"{rule}{timeout}"):
            Client(timeout=timeout)
        with pytest.raises(ValueError, match=rule):
            AsyncClient(transport=Unasked(), timeout=timeout)
    with pytest.raises(ValueError, match=r"texts must hold at least one text, but got none."):
        Client(transport=Recorder()).score([])


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"max_words": 0}, "max_words must be an integer from 1 to 2147483647, but got max_words=0"),
        ({"max_words": 2.5}, "max_words must be an integer from 1 to 2147483647, but got max_words=2.5"),
        ({"temperature": -1.0}, "temperature must be at least 0 and finite, but got temperature=-1.0"),
        ({"temperature": math.nan}, "temperature must be at least 0 and finite, but got temperature=nan"),
        ({"top_k": -1}, "top_k must be an integer from 0 to 2147483647, but got top_k=-1"),
        ({"top_k": 2**31}, "top_k must be an integer from 0 to 2147483647, but got top_k=2147483648"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, but got top_p=0.0"),
        ({"temperature": 1e300}, r"temperature must be from 0 to 3\.40282e\+38, but got temperature=1e\+300"),
        ({"top_p": 1e-45}, "top_p must be from 1.17549e-38 to 1, but got top_p=1e-45"),
        ({"seed": 2.0}, "seed must be an integer, but got seed=2.0"),
    ],
)
def test_controls_that_never_reach_a_server(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Client(transport=Recorder()).generate("the", **options)
    with pytest.raises(ValueError, match=rule):
        Client(transport=Recorder()).stream("the", **options)
    with pytest.raises(ValueError, match=rule):
        AsyncClient(transport=Unasked()).stream("the", **options)


def test_text_that_is_no_unicode_never_reaches_a_server() -> None:
    client = Client(transport=Recorder())
    for ask in (client.predict_next, client.score, client.generate, client.stream):
        with pytest.raises(ValueError, match=r"text must be Unicode without lone surrogates, but got '\\ud800'\."):
            ask("\ud800")


def test_neither_tensorflow_nor_keras_is_imported() -> None:
    code = "import sys, rnnzoo.serving.client; print({'tensorflow', 'keras'} & set(sys.modules))"

    assert "set()\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
