"""The loops are compiled where that pays, and cut so that every core has a piece."""

from typing import Any

import keras
import pytest
import tensorflow as tf

from rnnzoo.models import GRU, LSTM, SkipRNN, SkipUpdateLSTM
from rnnzoo.models.compilation import compiled_pieces

LARGE = 256 * 1024


def pieces_in_a_function(*arguments: object) -> int:
    found = []

    @tf.function
    def trace() -> None:
        found.append(compiled_pieces(*arguments))

    trace()
    return found[0]


def test_nothing_is_compiled_for_one_call_by_hand() -> None:
    assert 0 == compiled_pieces(32, 100, LARGE)


@pytest.mark.parametrize(
    ("shape", "multiplications", "why"),
    [
        ((32, None), LARGE, "each length would compile"),
        ((4, 100), 32 * 96, "it is done before it is compiled"),
    ],
)
def test_what_does_not_pay(shape: tuple[int | None, int | None], multiplications: int, why: str) -> None:
    assert 0 == pieces_in_a_function(*shape, multiplications), why


def test_a_piece_for_each_core_of_no_fewer_than_eight_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.models.compilation._cores", lambda: 4)
    assert 4 == pieces_in_a_function(64, 35, LARGE)
    assert 2 == pieces_in_a_function(20, 35, LARGE)
    assert 1 == pieces_in_a_function(4, 35, LARGE)


def test_a_batch_of_unknown_size_is_taken_for_a_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.models.compilation._cores", lambda: 2)
    assert 2 == pieces_in_a_function(None, 35, LARGE)
    assert 0 == pieces_in_a_function(None, 35, 32 * 96)


def test_rows_that_depend_on_each_other_stay_together() -> None:
    assert 1 == pieces_in_a_function(64, 35, LARGE, False)


@pytest.mark.parametrize("layer_class", [LSTM, GRU, SkipUpdateLSTM])
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_training_compiled_and_not_agree(
    layer_class: type[keras.layers.Layer], normalization: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a compiled training step computes is what the same layer computes step by step."""
    monkeypatch.setattr("rnnzoo.models.compilation.WORTH_COMPILING", 0)
    keras.utils.set_random_seed(0)
    layer = layer_class(8, normalization=normalization, return_sequences=True, dtype="float64")
    inputs = tf.random.stateless_normal((16, 5, 4), seed=(0, 1), dtype=tf.float64)
    layer(inputs)

    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, training=True) ** 2)
        return tape.gradient(loss, [inputs, *(weight.value for weight in layer.trainable_weights)])

    for by_hand, compiled in zip(gradients(), tf.function(gradients)(), strict=True):
        tf.debugging.assert_near(by_hand, compiled, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("layer_class", "options"),
    [(LSTM, {"normalization": "layer"}), (SkipRNN, {"skip": 3}), (GRU, {"normalization": "batch"})],
)
def test_batches_of_unknown_size_are_compiled_in_pieces_and_agree(
    layer_class: type[keras.layers.Layer], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a `fit` whose last batch is smaller; one row leaves a piece empty."""
    monkeypatch.setattr("rnnzoo.models.compilation.WORTH_COMPILING", 0)
    monkeypatch.setattr("rnnzoo.models.compilation._cores", lambda: 2)
    keras.utils.set_random_seed(0)
    layer = layer_class(8, **options)
    rows = tf.random.stateless_normal((5, 7, 4), seed=(0, 1))
    layer(rows)

    def gradients(inputs: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, training=True) ** 2)
        return tape.gradient(loss, [inputs, *(weight.value for weight in layer.trainable_weights)])

    compiled = tf.function(gradients, input_signature=[tf.TensorSpec((None, 7, 4))])
    for count in (5, 4, 1):
        for by_hand, ours in zip(gradients(rows[:count]), compiled(rows[:count]), strict=True):
            tf.debugging.assert_near(by_hand, ours, rtol=1e-4, atol=1e-5)
