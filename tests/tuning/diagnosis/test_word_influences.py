"""Which words moved a prediction, against finite differences."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning.diagnosis.word_influences import word_influence

VOCABULARY = Vocabulary.from_lines([["to", "be", "or", "not", "that", "is", "the", "question"]])
MODEL = LanguageModel(VOCABULARY, NetworkConfig(network="lstm", units=6, layers=2))
TEXT = "to be or not to be that is the question"


def test_a_prediction_and_the_words_before_it() -> None:
    influence = word_influence(MODEL, TEXT)
    assert ("<eos>", *TEXT.split()[:-1]) == influence.words
    assert "question" == influence.target
    assert math.exp(MODEL.score(TEXT)[0].log_probabilities[-1]) == pytest.approx(influence.probability, rel=1e-5)
    assert {"lstm_0", "lstm_1"} == set(influence.states)
    assert all((10,) == norms.shape for norms in (influence.inputs, *influence.states.values()))
    json.dumps(influence.as_dict(), allow_nan=False)


def test_inputs_equal_finite_differences() -> None:
    """Each word's vector is moved by itself, along the gradient that the tape finds."""
    influence = word_influence(MODEL, TEXT, word=4)
    ids = tf.constant([[VOCABULARY.end_id, *VOCABULARY.encode(TEXT)[:4]]])
    vectors = MODEL.embedding(ids)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        hidden, _ = MODEL.encode_embedded(vectors)
        loss = -tf.nn.log_softmax(MODEL.logits(hidden[:, -1]))[0, VOCABULARY.encode(TEXT)[4]]
    np.testing.assert_allclose(influence.inputs, np.linalg.norm(tape.gradient(loss, vectors)[0], axis=-1), rtol=1e-4)


def test_a_word_counted_from_either_end() -> None:
    assert word_influence(MODEL, TEXT, word=3).words == word_influence(MODEL, TEXT, word=-7).words
    assert ("<eos>",) == word_influence(MODEL, TEXT, word=0).words


@pytest.mark.parametrize(("text", "word"), [(TEXT, 10), (TEXT, -11), ("", -1)])
def test_a_text_without_that_word(text: str, word: int) -> None:
    with pytest.raises(ValueError, match=r"word must be one of the text's \d+ words, but got word="):
        word_influence(MODEL, text, word)
