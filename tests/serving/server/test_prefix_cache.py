"""A text that goes on from a recent one runs only its new words, and the answer is the one of the whole text."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.loop_thread import LoopThread
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.prefix_cache import ASKED, PrefixCache, beginnings
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.settings import ServerSettings

WORDS = st.sampled_from(
    ["the", "game", "is", "over", "don't", "naïve", "漢字", ".", "real-time", "’tis", "nowhere", "'t"]
)
SPACES = st.sampled_from([" ", "  ", "\t", "\n", "\u00a0", "\u2028", " \u00a0", "\x01", ""])
TEXTS = st.lists(st.tuples(WORDS, SPACES), max_size=12).map(lambda pairs: "".join(map("".join, pairs)).encode())


class Asked(SimpleNamespace):
    """A core in a loop, and what its metrics were told."""

    told: list[tuple[bool, int]]

    def ask(self, texts: list[bytes], **inputs: Any) -> dict[str, np.ndarray]:
        message = predict_pb2.PredictRequest(model_spec={"name": "words"})
        message.inputs["text"].CopyFrom(tf.make_tensor_proto(texts))
        response = self.loop.run(self.core.predict(message, 60, RequestRecord(api="Predict", entrypoint="GRPC")))
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}

    def batch(self, *told: Any) -> None:
        pass

    def prefix_cache(self, model_name: str, hit: bool, words_run: int) -> None:
        self.told.append((hit, words_run))


@pytest.fixture(scope="module")
def repository(exported: Path) -> Iterator[Repository]:
    repository = Repository({"words": exported})
    yield repository
    repository.close()


def make(repository: Repository, **changes: Any) -> Asked:
    async def core() -> Core:
        return Core(repository, ServerSettings(**changes))

    loop = LoopThread("test")
    asked = Asked(loop=loop, core=loop.run(core()), told=[])
    asked.core.metrics = asked  # type: ignore[assignment]
    return asked


@pytest.fixture(scope="module")
def cached(repository: Repository) -> Iterator[Asked]:
    asked = make(repository)
    yield asked
    asked.core.close()
    asked.loop.close()


@pytest.fixture(scope="module")
def uncached(repository: Repository) -> Iterator[Asked]:
    asked = make(repository, prefix_cache_bytes=0, batching="off")
    yield asked
    asked.core.close()
    asked.loop.close()


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert {"words", "probabilities"} == one.keys() == other.keys()
    np.testing.assert_allclose(one["probabilities"], other["probabilities"], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(one["words"], other["words"])


@given(text=TEXTS, cuts=st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=60)
def test_answers_are_those_of_the_whole_text(cached: Asked, uncached: Asked, text: bytes, cuts: list[int]) -> None:
    for cut in (*sorted(cuts), len(text)):  # anywhere: inside words, characters and runs of spaces
        same(uncached.ask([text[:cut]]), cached.ask([text[:cut]]))


@given(text=st.binary(max_size=40), more=st.binary(max_size=10))
@settings(max_examples=30)
def test_any_bytes(cached: Asked, uncached: Asked, text: bytes, more: bytes) -> None:
    for asked in (text, text + b" the " + more, text + b" the " + more + b" game"):
        same(uncached.ask([asked]), cached.ask([asked]))


def test_rows_together(cached: Asked, uncached: Asked) -> None:
    texts = [b"", b"the game", b"the game is", b"the", b"\xff the", b"the game is over .  "]
    same(uncached.ask(texts), cached.ask(texts))


def test_many_texts_go_past_it(cached: Asked, uncached: Asked) -> None:
    told, texts = len(cached.told), [b"the game is over"] * 9

    same(uncached.ask(texts), cached.ask(texts))
    assert told == len(cached.told)


def test_typing_runs_only_what_is_new(repository: Repository) -> None:
    asked = make(repository)
    words = ["the", "game", "is", "over", ".", "don't", "stop", "the", "real-time", "game"]
    try:
        for count in range(1, len(words) + 1):
            asked.ask([" ".join(words[:count]).encode()])
        for count in range(1, 5):  # letter by letter
            asked.ask([" ".join(words).encode() + b" stop"[: count + 1]])
        asked.ask([" ".join(words).encode() + b" the game is over now"])
    finally:
        asked.core.close()
        asked.loop.close()

    assert [(False, 1), (False, 2), (False, 3), *[(True, 2)] * 7] == asked.told[:10]
    assert [(True, 2), *[(True, 1)] * 3] == asked.told[10:14]
    assert [(True, 5)] == asked.told[14:]


@pytest.mark.parametrize(("words", "times"), [(10, 2), (100, 1)])
def test_a_short_text_is_read_twice_before_it_is_kept(words: int, times: int, repository: Repository) -> None:
    asked = make(repository)
    text = b" ".join([b"game"] * words)
    try:
        for _ in range(times + 1):
            asked.ask([text])
    finally:
        asked.core.close()
        asked.loop.close()

    assert [*[(False, words)] * times, (True, 1)] == asked.told


def test_a_new_version_starts_afresh(exported: Path, repository: Repository, cached: Asked) -> None:
    cache = PrefixCache(10_000)
    with repository.lease("words") as servable:
        again = Repository({"words": exported})
        with again.lease("words") as other:
            assert cache.key(servable, b"the game") != cache.key(other, b"the game")
            assert cache.key(servable, b"the game") == cache.key(servable, b"the game")
        again.close()


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    cache = PrefixCache(5_000)
    for number in range(100):
        cache.put(b"%d" % number, (np.zeros(100, np.float32),))
        assert cache.get(b"0") is not None or number > 5
        assert cache.bytes <= 5_000
    assert 5 == len(cache)
    assert cache.get(b"99") is not None
    assert cache.get(b"50") is None
    cache.put(b"large", (np.zeros(10_000, np.float32),))
    assert cache.get(b"large") is None


def test_a_context_takes_the_place_of_the_mark_that_its_text_was_asked_about() -> None:
    cache, context = PrefixCache(5_000), (np.zeros(100, np.float32),)
    cache.put(b"text", ASKED)
    assert ASKED == cache.get(b"text")

    cache.put(b"text", context)
    assert context is cache.get(b"text")
    assert 400 < cache.bytes < 1_000
    assert 1 == len(cache)


@given(st.lists(st.sampled_from([b" ", b"\t", b"a", b"bc", "é".encode()])).map(b"".join))
def test_beginnings_end_words(text: bytes) -> None:
    ends = list(beginnings(text))

    assert sorted(ends, reverse=True) == ends
    assert len(text.split()) == len(ends)
    for end, count in zip(ends, range(len(ends), 0, -1), strict=True):
        assert text.split()[:count] == text[:end].split()


@pytest.mark.parametrize("words", [0, 1, 2, 8, 9, 10, 40])
def test_shorter_texts_are_looked_up_from_the_longest_on(words: int, repository: Repository) -> None:
    text, cache = b" ".join([b"word"] * words), PrefixCache(100)
    with repository.lease("words") as servable:
        shorter = [(end, cache.key(servable, text[:end])) for end in list(beginnings(text))[1:]]
        assert shorter == list(cache.shorter_keys(servable, text))


def test_it_can_be_switched_off(uncached: Asked) -> None:
    uncached.ask([b"the game is"])

    assert [] == uncached.told
    assert 0 == len(uncached.core.prefix_cache)
