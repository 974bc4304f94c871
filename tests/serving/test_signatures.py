"""What an export answers is what the model in Keras says, text by text."""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import NETWORKS, LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.serving.continuing import SPEAKING
from rnnzoo.serving.export import export_model
from rnnzoo.serving.server.repository.servable import read_meta_graph
from rnnzoo.serving.signatures import CONTROLS, LanguageModelSignatures

PIECES = [
    "the",
    "game",
    "is",
    "over",
    "don't",
    "naïve",
    "漢字",
    "real-time",
    "unknown",
    ",",
    "",
    "\u00a0",
    "e\u0301",
    "'",
]


CONFIGS = {network: NetworkConfig(network=network, units=6) for network in NETWORKS}
CONFIGS["adaptive_softmax"] = NetworkConfig(network="gru", units=6, softmax="adaptive", cutoffs=(4, 9))


def texts(count: int) -> list[str]:
    draw = random.Random(3)
    return ["", "the " * 1000, *(" ".join(draw.choices(PIECES, k=draw.randint(1, 25))) for _ in range(count))]


def load(exported: Path) -> dict[str, Any]:
    loaded = tf.saved_model.load(str(exported))
    return dict(loaded.signatures) | {"kept": loaded}


@pytest.fixture(scope="module")
def signatures(exported: Path) -> dict[str, Any]:
    return load(exported / "1")


def same_suggestions(model: LanguageModel, signature: Any, asked: Sequence[str]) -> None:
    answer = signature(text=tf.constant(asked))
    for row, suggestions in enumerate(model.predict_next(asked, top_k=10)):
        assert [suggestion.word.encode() for suggestion in suggestions] == answer["words"][row].numpy().tolist()
        np.testing.assert_allclose(
            [suggestion.probability for suggestion in suggestions], answer["probabilities"][row], rtol=1e-4, atol=1e-9
        )


def test_hundreds_of_contexts_have_the_same_next_words(
    language_model: LanguageModel, signatures: dict[str, Any]
) -> None:
    same_suggestions(language_model, signatures["predict_next"], texts(300))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_network_exports(config: NetworkConfig, tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_lines([[word for word in PIECES if word.strip()]])
    model = LanguageModel(vocabulary, config)
    exported = export_model(model, tmp_path)
    loaded = load(exported)
    asked = texts(8)

    same_suggestions(model, loaded["serving_default"], asked)
    totals = [score.total for score in model.score(asked)]
    np.testing.assert_allclose(totals, loaded["score"](text=tf.constant(asked))["total"], rtol=1e-4, atol=1e-5)
    ids = tf.constant([1, 4])
    log_probabilities, states = model.step(ids, model.initial_states(2))
    names = [name for name, _ in model.state_specs]
    answer = loaded["step"](token_ids=ids, **dict(zip(names, model.initial_states(2), strict=True)))
    np.testing.assert_allclose(log_probabilities, answer["log_probabilities"], rtol=1e-4)
    for name, state in zip(names, states, strict=True):
        np.testing.assert_allclose(state, answer[name], rtol=1e-4, atol=1e-6)


def test_a_text_is_answered_alike_alone_and_among_others(signatures: dict[str, Any]) -> None:
    asked = texts(20)
    controls = {
        "max_words": tf.constant([6]),
        "temperature": tf.constant([1.5]),
        "top_k": tf.constant([0]),
        "top_p": tf.constant([1.0]),
        "seed": tf.constant([11]),
    }
    together = {
        "predict_next": signatures["predict_next"](text=tf.constant(asked)),
        "score": signatures["score"](text=tf.constant(asked)),
        "generate": signatures["generate"](text=tf.constant(asked), **controls),
    }
    for row, text in enumerate(asked):
        one = tf.constant([text])
        alone = signatures["predict_next"](text=one)
        assert alone["words"][0].numpy().tolist() == together["predict_next"]["words"][row].numpy().tolist()
        np.testing.assert_allclose(alone["probabilities"][0], together["predict_next"]["probabilities"][row], rtol=1e-4)
        alone = signatures["score"](text=one)
        length = int(alone["lengths"][0])
        np.testing.assert_allclose(
            alone["log_probabilities"][0], together["score"]["log_probabilities"][row, :length], rtol=1e-4
        )
        assert not together["score"]["log_probabilities"][row, length:].numpy().any()
        np.testing.assert_allclose(alone["total"][0], together["score"]["total"][row], rtol=1e-4)
        alone = signatures["generate"](text=one, **controls)
        assert alone["continuation"][0] == together["generate"]["continuation"][row]


@pytest.mark.parametrize(("max_words", "rule"), [(0, "at least 1"), (10_001, "at most 10000"), (2**31 - 1, "at most")])
def test_continuations_have_an_end(signatures: dict[str, Any], max_words: int, rule: str) -> None:
    controls = {name: tf.constant([value]) for name, value in {**CONTROLS, "max_words": max_words}.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"max_words must be {rule}"):
        signatures["generate"](text=tf.constant(["the"]), **controls)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        *(("temperature", value, "at least 0 and finite") for value in (-1.0, math.inf, math.nan)),
        ("top_k", -1, "at least 0"),
        *(("top_p", value, "above 0") for value in (0.0, math.nan)),
        ("top_p", 1.5, "at most 1"),
    ],
)
@pytest.mark.parametrize("signature", ["generate", "speak"])
def test_controls_that_no_word_can_be_drawn_with(
    signatures: dict[str, Any], signature: str, name: str, value: float, rule: str
) -> None:
    given: dict[str, Any] = {key: [one] for key, one in {"text": "the", **CONTROLS, **SPEAKING, name: value}.items()}
    _, inputs = signatures[signature].structured_input_signature
    asked = {
        key: tf.constant(given.get(key, np.zeros((1, *spec.shape[1:]))), spec.dtype) for key, spec in inputs.items()
    }
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{name} must be {rule}\."):
        signatures[signature](**asked)


def test_a_negative_seed_draws_the_words_that_python_draws(
    signatures: dict[str, Any], language_model: LanguageModel
) -> None:
    controls = {name: tf.constant([value]) for name, value in {**CONTROLS, "max_words": 8, "seed": -3}.items()}
    answer = signatures["generate"](text=tf.constant(["the"]), **controls)
    assert language_model.generate("the", 8, seed=-3) == [answer["continuation"][0].numpy().decode()]


@pytest.mark.parametrize("asked", [[], [""], ["", ""]], ids=str)
def test_texts_without_words(signatures: dict[str, Any], asked: list[str]) -> None:
    batch = tf.constant(asked, tf.string)

    assert (len(asked), 10) == signatures["predict_next"](text=batch)["words"].shape
    score = signatures["score"](text=batch)
    assert (len(asked), 0) == score["words"].shape == score["log_probabilities"].shape
    assert [0.0] * len(asked) == score["total"].numpy().tolist()
    controls = {name: tf.constant([value]) for name, value in CONTROLS.items()}
    assert (len(asked),) == signatures["generate"](text=batch, **controls)["continuation"].shape


def test_broken_bytes_are_an_unknown_word(signatures: dict[str, Any]) -> None:
    broken, unknown = signatures["predict_next"](text=tf.constant([b"the \xff", b"the unknown"]))["words"].numpy()

    assert unknown.tolist() == broken.tolist()


def test_defaults_and_names_are_in_the_signatures(exported: Path, language_model: LanguageModel) -> None:
    definitions = read_meta_graph(exported / "1").signature_def

    assert {"max_words", "temperature", "top_k", "top_p", "seed"} == set(definitions["generate"].defaults)
    states = {name for name, _ in language_model.state_specs}
    assert states == set(definitions["step"].defaults)
    assert {"token_ids", *states} == set(definitions["step"].inputs)
    assert {"log_probabilities", *states} == set(definitions["step"].outputs)
    assert ["text"] == list(definitions["serving_default"].inputs)


@pytest.mark.parametrize("softmax", ["tied", "adaptive"])
def test_nothing_looks_by_rows_at_what_is_read_as_a_whole(softmax: str) -> None:
    """After one `ResourceGather` on a variable, TensorFlow copies it in every `ReadVariableOp`."""
    cutoffs = (2, 5) if softmax == "adaptive" else None
    network = NetworkConfig(network="lstm", units=4, softmax=softmax, cutoffs=cutoffs)
    model = LanguageModel(Vocabulary.from_lines([[f"word{number}" for number in range(8)]]), network)
    for function in LanguageModelSignatures(model, top_k=2).functions().values():
        graph = function.get_concrete_function().graph.as_graph_def()  # type: ignore[attr-defined]
        nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
        assert "ResourceGather" not in {node.op for node in nodes}


def test_a_model_that_was_exported_goes_on_learning_with_vectors_of_its_own(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = LanguageModel(Vocabulary.from_lines([["to", "be", "or", "not"]]), NetworkConfig(network="gru", units=3))
    exported = tf.saved_model.load(export_model(model, tmp_path)).signatures["predict_next"]
    before = exported(text=tf.constant(["to"]))["probabilities"].numpy()
    model.embedding.embeddings.assign(tf.random.stateless_normal(model.embedding.embeddings.shape, (1, 2)))
    (suggestions,) = model.predict_next("to")
    assert not np.allclose(before[0], [suggestion.probability for suggestion in suggestions], rtol=1e-3)
    np.testing.assert_array_equal(before, exported(text=tf.constant(["to"]))["probabilities"])
