"""The language model's own side: its dtype, its seeds, and one line for what it cannot answer."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from masks import mask_of

from rnnzoo.models import LanguageModel, NetworkConfig, NeuralCache, Sampler, Vocabulary

VOCABULARY = Vocabulary(["<unk>", "<eos>", "to", "be", "or", "not"])


def build(**options: Any) -> LanguageModel:
    return LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=4), **options)


@pytest.mark.parametrize("softmax", ["tied", "adaptive"])
def test_its_dtype_is_that_of_all_its_layers_and_stays_in_a_keras_file(softmax: str, tmp_path: Path) -> None:
    config = NetworkConfig(network="gru", units=4, softmax=softmax)
    model = LanguageModel(VOCABULARY, config, dtype="mixed_bfloat16")
    model.save(tmp_path / "model.keras")
    for one in (model, keras.saving.load_model(tmp_path / "model.keras")):
        layers = [layer for layer in one._flatten_layers(include_self=False) if layer.weights]
        assert {"mixed_bfloat16"} == {layer.dtype_policy.name for layer in layers}
    assert "float32" == model(keras.Input((None,), dtype="int32")).dtype
    assert tf.float32 == model(tf.constant([[2, 3]])).dtype


def test_logits_are_those_of_a_step_in_low_precision() -> None:
    """No bias is rounded in a call that is not rounded outside of one."""
    model = build(dtype="mixed_bfloat16")
    model.output_bias.assign([0.1, 0.2, 0.3, 0.7, 1.1, 1.3])
    for layer in model.recurrent_layers:
        layer.cell.bias.assign(0.1 + tf.random.stateless_uniform(layer.cell.bias.shape, (1, 2)))
    stepped, _ = model.step_logits(tf.constant([2]), model.initial_states(1))
    np.testing.assert_array_equal(stepped, model(tf.constant([[2]]))[:, 0])


def test_the_unknown_word_is_never_an_answer() -> None:
    model = build()
    model.output_bias.assign([9.0, 0, 0, 0, 0, 0])
    known = len(VOCABULARY) - 1
    for cache in (None, NeuralCache(share=1.0)):
        (suggestions,) = model.predict_next("to be", top_k=known, cache=cache)
        assert set(VOCABULARY.words[1:]) == {suggestion.word for suggestion in suggestions}
    assert "<unk>" not in model.generate("to be", max_words=200, seed=1)[0]


def test_generation_follows_keras_seed() -> None:
    model, spoken = build(), []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        spoken.append(model.generate("to be", max_words=20))
    assert spoken[0] == spoken[1]


def test_numpys_integers_are_integers() -> None:
    model, largest = build(), 2**31 - 1
    expected = model.generate(["to", "be"], 3, Sampler(top_k=2), seed=largest)
    assert expected == model.generate(["to", "be"], np.int64(3), Sampler(top_k=np.int64(2)), seed=np.int32(largest))


@pytest.mark.parametrize("softmax", ["tied", "adaptive"])
def test_a_mask_travels_on_to_the_loss(softmax: str) -> None:
    model = LanguageModel(VOCABULARY, NetworkConfig(network="gru", units=4, softmax=softmax))
    mask = np.array([[1, 1, 0, 0], [1, 0, 1, 1]], bool)
    logits = model(tf.constant([[2, 3, 0, 0], [4, 0, 2, 3]]), mask=mask)
    np.testing.assert_array_equal(mask, mask_of(logits))


def test_keras_export_answers_token_ids(tmp_path: Path) -> None:
    model, ids = build(), tf.constant([[2, 3, 4]])
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(served.serve(ids), model(ids), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda model: model.predict_next("to", top_k=2.0),
            r"top_k must be an integer from 1 to 5, .*, but got top_k=2",
        ),
        (
            lambda model: model.predict_next("to", top_k=True),
            "top_k must be an integer from 1 to 5, .*, but got top_k=True",
        ),
        (lambda model: model.generate("to", seed=2.0), r"seed must be an integer, but got seed=2\.0\."),
        (lambda model: model.generate("to", seed=True), r"seed must be an integer, but got seed=True\."),
        (lambda model: model.predict_next(["to", b"be"]), r"texts must be strings, but got b'be'\."),
        (lambda model: model.predict_next(b"to"), r"texts must be strings, but got b'to'\."),
        (lambda model: model.predict_next(None), r"texts must be strings, but got None\."),
        (lambda model: model.score([]), "texts must hold at least one text, but got none"),
        (lambda model: model.step(tf.constant([2]), []), r"states must be 1 \(layer_0_state_0\), but got 0\."),
        (lambda model: model.encode(tf.constant([[2]]), [tf.zeros((1, 4))] * 2), r"states must be 1 .*, but got 2\."),
    ],
)
def test_one_line_for_each_mistake(ask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(build())


@pytest.mark.parametrize("parts", [(VOCABULARY, {"network": "gru"}), (["a"], NetworkConfig(network="gru"))])
def test_it_is_made_of_a_vocabulary_and_a_configuration(parts: Any) -> None:
    with pytest.raises(ValueError, match="is made of a Vocabulary and a NetworkConfig, but got "):
        LanguageModel(*parts)


def test_texts_may_come_from_a_generator() -> None:
    model = build()
    assert model.score(text for text in ["to be", "or"]) == model.score(["to be", "or"])
