"""An export with a neural cache answers as the model in Keras does with it, and otherwise as one without."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import LanguageModel, NeuralCache
from rnnzoo.serving.client import Client
from rnnzoo.serving.export import export_model
from rnnzoo.serving.server.process import make_server
from rnnzoo.serving.signatures import CONTROLS

CACHE = NeuralCache(size=5, sharpness=0.2, share=0.5)
TEXTS = ["", "naïve", "the game the game the", "stop . stop . over the game is over , don't stop", "unknown words"]


@pytest.fixture(scope="module")
def cached(language_model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_model(language_model, tmp_path_factory.mktemp("cached"), neural_cache=CACHE)


@pytest.fixture(scope="module")
def signatures(cached: Path) -> dict[str, Any]:
    loaded = tf.saved_model.load(str(cached))
    return dict(loaded.signatures) | {"kept": loaded}


def test_next_words(language_model: LanguageModel, signatures: dict[str, Any]) -> None:
    answer = signatures["serving_default"](text=tf.constant(TEXTS))
    for row, suggestions in enumerate(language_model.predict_next(TEXTS, top_k=10, cache=CACHE)):
        assert [entry.word.encode() for entry in suggestions] == answer["words"][row].numpy().tolist()
        probabilities = [entry.probability for entry in suggestions]
        np.testing.assert_allclose(probabilities, answer["probabilities"][row], rtol=1e-4)
    cached, without = (
        {entry.word: entry.probability for entry in language_model.predict_next(TEXTS[2], top_k=13, cache=cache)[0]}
        for cache in (CACHE, None)
    )
    assert {"the", "game"} == {word for word in cached if cached[word] > without[word]}


def test_scores(language_model: LanguageModel, signatures: dict[str, Any]) -> None:
    answer = signatures["score"](text=tf.constant(TEXTS))
    for row, score in enumerate(language_model.score(TEXTS, cache=CACHE)):
        length = len(score.words)
        np.testing.assert_allclose(
            score.log_probabilities, answer["log_probabilities"][row, :length], rtol=1e-4, atol=1e-5
        )
        assert score.total == pytest.approx(float(answer["total"][row]), rel=1e-4, abs=1e-5)
    assert language_model.score(TEXTS[2]) != language_model.score(TEXTS[2], cache=CACHE)


def test_a_text_is_answered_alike_alone_and_among_others(signatures: dict[str, Any]) -> None:
    together = signatures["predict_next"](text=tf.constant(TEXTS))
    for row, text in enumerate(TEXTS):
        alone = signatures["predict_next"](text=tf.constant([text]))
        assert alone["words"][0].numpy().tolist() == together["words"][row].numpy().tolist()
        np.testing.assert_allclose(alone["probabilities"][0], together["probabilities"][row], rtol=1e-4)


def test_generation_and_steps_are_without(exported: Path, signatures: dict[str, Any]) -> None:
    without = tf.saved_model.load(str(exported / "1"))
    controls = {name: tf.constant([value]) for name, value in {**CONTROLS, "seed": 5}.items()}
    continuations = [
        loaded["generate"](text=tf.constant(TEXTS), **controls)["continuation"].numpy().tolist()
        for loaded in (without.signatures, signatures)
    ]
    assert continuations[0] == continuations[1]


def test_it_is_served_as_any_other(language_model: LanguageModel, cached: Path) -> None:
    server = make_server(cached.parent, port=0, poll_seconds=0)
    server.start()
    try:
        with Client(server.address) as client:
            answers = client.predict_next(TEXTS, top_k=3)
    finally:
        server.stop()
    for suggestions, answer in zip(language_model.predict_next(TEXTS, top_k=3, cache=CACHE), answers, strict=True):
        assert [entry.word for entry in suggestions] == [entry.word for entry in answer]


def test_the_metadata_says_so(cached: Path, exported: Path) -> None:
    told = [
        json.loads((folder / "assets.extra" / "metadata.json").read_text())["neural_cache"]
        for folder in (cached, exported / "1")
    ]
    assert [{"size": 5, "sharpness": 0.2, "share": 0.5}, None] == told
