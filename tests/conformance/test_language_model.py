"""Each network as a language model: one answer, whether it comes step by step, in a batch, from a file or a graph."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.sampler import Sampler
from rnnzoo.models.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["<unk>", "<eos>", "to", "be", "or", "not", "that", "is", "the", "question"])
TEXTS = ["to be", "", "or not to be that is the question", "to be whereof that"]
GREEDY = Sampler(temperature=0)
SIZES: dict[str, Any] = {"units": 5, "layers": 2, "embedding": 4}
CONFIGS = {network: NetworkConfig(network=network, **SIZES) for network in NETWORKS}
CONFIGS["adaptive_softmax"] = NetworkConfig(network="gru", softmax="adaptive", cutoffs=(3, 6), division=2, **SIZES)


def build(config: NetworkConfig, seed: int = 0) -> LanguageModel:
    model = LanguageModel(VOCABULARY, config)
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(0.7 * random.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> Iterator[LanguageModel]:
    yield build(CONFIGS[request.param])
    keras.backend.clear_session()


def token_ids(*texts: str) -> tf.Tensor:
    """Texts of equal length, after an `<eos>`: (batch, time)."""
    return tf.constant([[VOCABULARY.end_id, *VOCABULARY.encode(text)] for text in texts])


def test_steps_equal_encode(model: LanguageModel) -> None:
    ids = token_ids("to be or not", "that is the question")
    hidden, expected_states = model.encode(ids)
    expected = tf.nn.log_softmax(model.logits(hidden))
    np.testing.assert_allclose(model(ids), model.logits(hidden), rtol=1e-6)
    states = model.initial_states(2)
    assert [(2, size) for _, size in model.state_specs] == [state.shape for state in states]
    for time in range(ids.shape[1]):
        log_probabilities, states = model.step(ids[:, time], states)
        np.testing.assert_allclose(log_probabilities, expected[:, time], rtol=1e-5, atol=1e-5)
    for want, got in zip(expected_states, states, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_states_carry_a_text_on(model: LanguageModel) -> None:
    ids = token_ids("or not to be that is the question")
    expected, _ = model.encode(ids)
    first, states = model.encode(ids[:, :4])
    second, _ = model.encode(ids[:, 4:], states)
    np.testing.assert_allclose(tf.concat([first, second], axis=1), expected, rtol=1e-5, atol=1e-6)


def test_suggestions_are_the_top_of_the_softmax(model: LanguageModel) -> None:
    [suggestions] = model.predict_next("to be", top_k=len(VOCABULARY) - 1)
    probabilities = tf.nn.softmax(model(token_ids("to be"))[0, -1]).numpy()
    expected = {word: probabilities[index] for index, word in enumerate(VOCABULARY.words) if word != "<unk>"}
    assert expected.keys() == {suggestion.word for suggestion in suggestions}
    for suggestion in suggestions:
        np.testing.assert_allclose(suggestion.probability, expected[suggestion.word], rtol=1e-5)
    falling = [suggestion.probability for suggestion in suggestions]
    assert sorted(falling, reverse=True) == falling


def test_padding_never_changes_an_answer(model: LanguageModel) -> None:
    """A text is answered alone as among longer ones."""
    together = model.predict_next(TEXTS)
    scores = model.score(TEXTS)
    continuations = model.generate(TEXTS, max_words=6, sampler=GREEDY)
    for text, suggestions, score, continuation in zip(TEXTS, together, scores, continuations, strict=True):
        [alone] = model.predict_next(text)
        assert [suggestion.word for suggestion in alone] == [suggestion.word for suggestion in suggestions]
        np.testing.assert_allclose(
            [suggestion.probability for suggestion in suggestions],
            [suggestion.probability for suggestion in alone],
            rtol=1e-5,
        )
        np.testing.assert_allclose(
            score.log_probabilities, model.score(text)[0].log_probabilities, rtol=1e-5, atol=1e-6
        )
        assert model.generate(text, max_words=6, sampler=GREEDY) == [continuation]


def test_score_adds_up_the_words(model: LanguageModel) -> None:
    text = "or not to be"
    [score] = model.score(text)
    ids = token_ids(text)
    expected = tf.gather(tf.nn.log_softmax(model(ids))[0, :-1], ids[0, 1:], axis=1, batch_dims=1)
    assert ("or", "not", "to", "be") == score.words
    np.testing.assert_allclose(score.log_probabilities, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score.total, tf.reduce_sum(expected), rtol=1e-5)


def test_greedy_generation_follows_the_suggestions(model: LanguageModel) -> None:
    [continuation] = model.generate("to be", max_words=4, sampler=GREEDY)
    text = "to be"
    for word in continuation.split():
        [[best]] = model.predict_next(text, top_k=1)
        assert best.word == word
        text += f" {word}"
    if len(continuation.split()) < 4:
        [[best]] = model.predict_next(text, top_k=1)
        assert best.word == "<eos>"


def test_generation_repeats_with_its_seed_alone(model: LanguageModel) -> None:
    drawn = {seed: model.generate(TEXTS, max_words=12, seed=seed) for seed in range(4)}
    for seed, continuations in drawn.items():
        assert continuations == model.generate(TEXTS, max_words=12, seed=seed)
        assert all("<unk>" not in continuation for continuation in continuations)
    assert len({tuple(continuations) for continuations in drawn.values()}) > 1


def test_all_weights_learn(model: LanguageModel) -> None:
    """Every trainable weight has a gradient, finite, and not zero: nothing is cut off from the loss."""
    model = build(model.config)
    ids = token_ids("or not to be that is", "to be or not to be")
    with tf.GradientTape() as tape:
        logits = model(ids[:, :-1], training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 1:], logits))
    weights = model.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, [weight.value for weight in weights]), strict=True):
        assert gradient is not None, weight.path
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_weights_stay_the_same_in_a_preset_and_in_a_keras_file(model: LanguageModel, tmp_path: Path) -> None:
    expected = model.predict_next(TEXTS)
    model.save_to_preset(tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    for restored in (LanguageModel.from_preset(tmp_path / "preset"), keras.models.load_model(tmp_path / "model.keras")):
        assert model.config == restored.config
        assert model.vocabulary == restored.vocabulary
        assert [weight.shape for weight in model.weights] == [weight.shape for weight in restored.weights]
        assert expected == restored.predict_next(TEXTS)


def test_answers_in_bfloat16_are_near(model: LanguageModel) -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        low = LanguageModel(VOCABULARY, model.config)
    finally:
        keras.config.set_dtype_policy(policy)
    low.set_weights(model.get_weights())
    assert low.recurrent_layers[0].compute_dtype == "bfloat16"
    ids, states, low_states = token_ids("to be or not"), model.initial_states(1), low.initial_states(1)
    np.testing.assert_allclose(low(ids), model(ids), atol=0.3)
    for time in range(ids.shape[1]):
        expected, states = model.step(ids[:, time], states)
        log_probabilities, low_states = low.step(ids[:, time], low_states)
        np.testing.assert_allclose(log_probabilities, expected, atol=0.3)


ELSEWHERE = """
import pathlib, sys
import numpy as np
import keras
from rnnzoo.models import LanguageModel

for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for restored in (LanguageModel.from_preset(folder / "preset"), keras.models.load_model(folder / "model.keras")):
        print(folder.name, restored(np.array([[2, 3, 4]])).numpy().round(4).tolist())
"""


def test_files_answer_in_another_process(tmp_path: Path) -> None:
    expected = []
    for name in sorted(CONFIGS):
        model = build(CONFIGS[name])
        (tmp_path / name).mkdir()
        model.save_to_preset(tmp_path / name / "preset")
        model.save(tmp_path / name / "model.keras")
        expected += [f"{name} {model(np.array([[2, 3, 4]])).numpy().round(4).tolist()}"] * 2
    answer = subprocess.run([sys.executable, "-c", ELSEWHERE, tmp_path], check=True, capture_output=True, text=True)
    assert expected == answer.stdout.splitlines()
