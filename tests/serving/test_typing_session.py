"""Whatever somebody types, pastes or deletes, the suggestions are those for the whole text."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.models import LanguageModel
from rnnzoo.serving import AsyncClient, Client, export_model, make_server
from rnnzoo.serving.calls import Call, Calls, Extended
from rnnzoo.serving.errors import InvalidRequestError, ModelNotFoundError, ServingError
from rnnzoo.serving.protocol import messages
from rnnzoo.serving.server.process import Server
from rnnzoo.serving.transport import GrpcTransport
from rnnzoo.serving.typing_session import AsyncTyping, Typing

TEXT = st.text(st.sampled_from([*"the gamis.'\n\u00a0", "漢"]), max_size=30)


class Watching(GrpcTransport):
    """Writes down the texts that travel."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.texts: list[tuple[str, str]] = []

    def call(self, method: str, request: bytes, timeout: float) -> bytes:
        inputs = messages["PredictRequest"].FromString(request).inputs
        self.texts.append(tuple(inputs[name].string_val[0].decode() for name in ("text", "unfinished")))  # type: ignore
        return super().call(method, request, timeout)


@pytest.fixture(scope="module")
def uncached_server(exported: Path) -> Iterator[Server]:
    server = make_server(exported, port=0, poll_seconds=0, prefix_cache_bytes=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(uncached_server: Server) -> Iterator[Client]:
    with Client(uncached_server.address, timeout=60) as client:
        yield client


def same(one: list[Any], other: list[Any]) -> None:
    assert [suggestion.word for suggestion in one] == [suggestion.word for suggestion in other]
    assert [s.probability for s in one] == pytest.approx([s.probability for s in other], rel=1e-4, abs=1e-6)


@given(st.lists(TEXT, max_size=4), TEXT)
@settings(max_examples=25)
def test_suggestions_are_those_of_the_whole_text(client: Client, texts: list[str], typed: str) -> None:
    session = client.typing()
    for text in (*texts, *(typed[:end] for end in range(0, len(typed) + 1, 3)), typed + " the"):
        same(client.predict_next(text)[0], session.predict_next(text))


def test_only_new_words_travel(uncached_server: Server) -> None:
    transport = Watching(uncached_server.address)
    with Client(transport=transport) as client:
        session = client.typing()
        for text in ("the", "the game", "the game i", "the game is ", "the game is over", "the stop"):
            session.predict_next(text)

    assert [
        ("", "the"),
        ("the", "game"),
        (" game", "i"),
        ("", "is"),
        (" is", "over"),
        ("the", "stop"),
    ] == transport.texts


def test_a_new_version_reads_the_text_anew(language_model: LanguageModel, tmp_path: Path) -> None:
    export_model(language_model, tmp_path, top_k=3)
    server = make_server(tmp_path, port=0, poll_seconds=0)
    server.start()
    try:
        with Client(server.address, timeout=60) as client:
            session = client.typing(top_k=3)
            session.predict_next("the game is")
            for weight in language_model.trainable_variables:
                weight.assign(-weight)
            export_model(language_model, tmp_path, top_k=3)
            for weight in language_model.trainable_variables:
                weight.assign(-weight)
            server.repository.refresh()
            same(client.predict_next("the game is over", 3)[0], session.predict_next("the game is over"))
    finally:
        server.stop()


def changing_server(*answers: Extended | ServingError) -> tuple[list[Call[Extended]], Callable[[Call[Extended]], Any]]:
    """What is asked, and a server that answers in this order."""
    asked: list[Call[Extended]] = []
    script = iter(answers)

    def ask(call: Call[Extended]) -> Extended:
        asked.append(call)
        answer = next(script)
        if isinstance(answer, ServingError):
            raise answer
        return answer

    return asked, ask


def in_loop(ask: Callable[[Call[Extended]], Extended], texts: Sequence[str]) -> list[Any]:
    """What an asynchronous session answers."""

    async def asking(call: Call[Extended]) -> Extended:
        return ask(call)

    async def main() -> list[Any]:
        session = AsyncTyping(asking, Calls("default"), 5)
        return [await session.predict_next(text) for text in texts]

    return asyncio.run(main())


def blocking(ask: Callable[[Call[Extended]], Extended], texts: Sequence[str]) -> list[Any]:
    session = Typing(ask, Calls("default"), 5)
    return [session.predict_next(text) for text in texts]


@pytest.mark.parametrize("session", [blocking, in_loop])
@pytest.mark.parametrize("refusal", [InvalidRequestError, ModelNotFoundError])
def test_a_version_with_other_states_reads_the_text_anew(
    session: Callable[..., list[Any]], refusal: type[ServingError]
) -> None:
    old, new = (Extended([], {"state": np.zeros((1, size), np.float32)}, size) for size in (2, 3))
    asked, ask = changing_server(old, refusal("other states", 3), new, new)

    assert [[], [], []] == session(ask, ["the game", "the game is", "the game is over"])

    sent = [messages["PredictRequest"].FromString(call.request).inputs for call in asked]
    assert [False, True, False, True] == ["state" in inputs for inputs in sent]
    assert ["the", " game", "the game", " is"] == [inputs["text"].string_val[0].decode() for inputs in sent]


@pytest.mark.parametrize("session", [blocking, in_loop])
def test_what_is_refused_without_states_too_is_an_error(session: Callable[..., list[Any]]) -> None:
    old = Extended([], {"state": np.zeros((1, 2), np.float32)}, 1)
    asked, ask = changing_server(old, InvalidRequestError("states", 3), InvalidRequestError("the text itself", 3))

    with pytest.raises(InvalidRequestError, match=r"^the text itself$"):
        session(ask, ["the game", "the game is"])
    assert 3 == len(asked)


def test_with_asyncio(uncached_server: Server, client: Client) -> None:
    async def main() -> list[Any]:
        async with AsyncClient(uncached_server.address, timeout=60) as asking:
            session = asking.typing(top_k=2)
            return [await session.predict_next(text) for text in ("the", "the game", "the game is")]

    for text, answer in zip(("the", "the game", "the game is"), asyncio.run(main()), strict=True):
        same(client.predict_next(text, 2)[0], answer)


def test_top_k_is_positive(client: Client) -> None:
    with pytest.raises(ValueError, match=r"top_k must be at least 1, but got top_k=0."):
        client.typing(top_k=0)
