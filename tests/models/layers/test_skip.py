"""SkipRNN: the second edge carries values and gradients over `skip` steps at once."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.models.layers import SimpleRNN, SkipRNN


def impulse(time: int) -> np.ndarray:
    """One at the first step, zero afterwards: (1, time, 1)."""
    inputs = np.zeros((1, time, 1), np.float32)
    inputs[0, 0, 0] = 1.0
    return inputs


def test_dilated_network_answers_every_skip_steps() -> None:
    layer = SkipRNN(
        1,
        "linear",
        skip=3,
        dilated=True,
        kernel_initializer="ones",
        recurrent_initializer="ones",
        return_sequences=True,
    )
    assert [1, 0, 0, 1, 0, 0, 1, 0] == layer(impulse(8)).numpy().ravel().tolist()


def test_skip_network_counts_the_paths() -> None:
    """With all weights 1, h[t] is the number of ways from step 0 to step t in strides of 1 and 3."""
    layer = SkipRNN(1, "linear", skip=3, kernel_initializer="ones", recurrent_initializer="ones", return_sequences=True)
    assert [1, 1, 1, 2, 3, 4, 6, 9] == layer(impulse(8)).numpy().ravel().tolist()


def test_masked_steps_are_not_counted() -> None:
    layer = SkipRNN(
        1,
        "linear",
        skip=2,
        dilated=True,
        kernel_initializer="ones",
        recurrent_initializer="ones",
        return_sequences=True,
    )
    mask = np.array([[1, 0, 0, 0, 1, 1, 0, 1, 1]], bool)
    assert [1, 1, 1, 1, 0, 1, 1, 0, 1] == layer(impulse(9), mask=mask).numpy().ravel().tolist()


def test_history_is_newest_first() -> None:
    layer = SkipRNN(1, "linear", skip=3, kernel_initializer="ones", recurrent_initializer="zeros", return_state=True)
    inputs = np.arange(1, 6, dtype=np.float32).reshape(1, 5, 1)
    _, history = layer(inputs)
    assert [5, 4, 3] == history.numpy().ravel().tolist()
    _, history = layer(inputs[:, :1], initial_state=tf.constant([[30.0, 20.0, 10.0]]))
    assert [1, 30, 20] == history.numpy().ravel().tolist()


def test_gradient_crosses_skips_in_one_product_each() -> None:
    """Where each product halves the gradient, 12 steps cost 12 halvings, but 3 skips of 4 cost three."""
    inputs = tf.constant(impulse(13))
    norms = {}
    for name, edges in {"without the skip": [[0.5], [0.0]], "with it": [[0.0], [0.5]]}.items():
        layer = SkipRNN(1, "linear", skip=4, kernel_initializer="ones", use_bias=False)
        layer.build((None, None, 1))
        layer.cell.recurrent_kernel.assign(edges)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        norms[name] = float(tape.gradient(outputs, inputs)[0, 0, 0])
    assert {"without the skip": 0.5**12, "with it": 0.5**3} == norms


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"skip": 1}, "skip=1, dilated=False"),
        ({"skip": 0}, "skip=0, dilated=False"),
        ({"skip": 0, "dilated": True}, "skip=0, dilated=True"),
        ({"skip": -2}, "skip=-2"),
        ({"skip": 2.0}, r"skip=2\.0"),
        ({"skip": True, "dilated": True}, "skip=True"),
    ],
)
def test_skip_must_skip(options: dict[str, Any], received: str) -> None:
    with pytest.raises(
        ValueError, match=rf"skip must be an integer of at least 2 \(1 if dilated\), but got {received}"
    ):
        SkipRNN(3, **options)


@pytest.mark.parametrize("option", ["dilated", "use_bias"])
def test_the_word_no_is_no_truth_value(option: str) -> None:
    with pytest.raises(ValueError, match=rf"{option} must be True or False, but got {option}='no'\."):
        SkipRNN(3, skip=3, **{option: "no"})


def test_skip_may_be_numpys() -> None:
    assert type(SkipRNN(4, skip=np.int64(3)).get_config()["skip"]) is int


def test_dilated_by_one_is_the_plain_network() -> None:
    inputs = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    plain, dilated = SimpleRNN(4), SkipRNN(4, skip=1, dilated=True)
    plain.build((None, None, 3))
    dilated.build((None, None, 3))
    dilated.set_weights(plain.get_weights())
    np.testing.assert_allclose(dilated(inputs), plain(inputs), rtol=1e-6)
