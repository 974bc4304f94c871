"""Starting points: the properties that their papers promise, at any size and seed."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.models.initializers import ChronoGRU, ChronoLSTM, NonNegativeProduct, SquareBlocks

SEEDED: list[Any] = [
    NonNegativeProduct(seed=3),
    SquareBlocks(keras.initializers.Orthogonal(seed=3)),
    ChronoLSTM(50, seed=3),
    ChronoGRU(50, seed=3),
]
SHAPES: dict[str, tuple[int, ...]] = {
    "NonNegativeProduct": (8, 8),
    "SquareBlocks": (8, 24),
    "ChronoLSTM": (32,),
    "ChronoGRU": (2, 24),
}


def draw(initializer: Any, shape: tuple[int, ...] | None = None, dtype: str = "float32") -> np.ndarray:
    return np.asarray(initializer(shape or SHAPES[type(initializer).__name__], dtype=dtype))


@settings(max_examples=20)
@given(units=st.integers(1, 40), seed=st.integers(0, 10_000))
def test_non_negative_product_has_spectrum_between_zero_and_one(units: int, seed: int) -> None:
    kernel = draw(NonNegativeProduct(seed), (units, units), "float64")
    eigenvalues = np.linalg.eigvalsh(kernel)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)
    np.testing.assert_allclose(1.0, eigenvalues[-1], atol=1e-12)
    assert eigenvalues[0] > 0


@pytest.mark.parametrize("shape", [(6, 24), (18, 6), (6, 6)])
def test_square_blocks_are_each_orthogonal_and_all_different(shape: tuple[int, ...]) -> None:
    kernel = draw(SquareBlocks(keras.initializers.Orthogonal(seed=1)), shape)
    axis = int(shape[1] > shape[0])
    blocks = np.split(kernel, max(shape) // 6, axis=axis)
    for index, block in enumerate(blocks):
        np.testing.assert_allclose(np.eye(6), block @ block.T, atol=1e-5)
        for other in blocks[:index]:
            assert np.abs(block - other).max() > 0.1


def test_square_blocks_differ_without_a_seed_and_with_a_generator() -> None:
    for seed in (None, keras.random.SeedGenerator(1)):
        first, second = np.split(draw(SquareBlocks(keras.initializers.Orthogonal(seed=seed)), (6, 12)), 2, axis=1)
        assert np.abs(first - second).max() > 0.1


def test_square_blocks_of_another_initializer_by_name() -> None:
    np.testing.assert_array_equal(np.vstack([np.eye(3)] * 2), draw(SquareBlocks("identity"), (6, 3)))


@settings(max_examples=20)
@given(longest_lag=st.integers(3, 1000), seed=st.integers(0, 10_000))
def test_chrono_biases_remember_up_to_the_longest_lag(longest_lag: int, seed: int) -> None:
    i, f, g, o = np.split(draw(ChronoLSTM(longest_lag, seed), (64,), "float64"), 4)
    np.testing.assert_array_equal(i, -f)
    np.testing.assert_array_equal(np.zeros(32), np.concatenate([g, o]))
    z, r, candidate = np.split(draw(ChronoGRU(longest_lag, seed), (48,), "float64"), 3)
    np.testing.assert_array_equal(np.zeros(32), np.concatenate([r, candidate]))
    for keep in (f, z):
        # A gate σ(b) that keeps the fraction σ(b) of its memory each step forgets within 1 + exp(b) steps.
        lags = 1 + np.exp(keep)
        assert lags.min() >= 2 - 1e-9
        assert lags.max() <= longest_lag + 1e-9


def test_chrono_gru_splits_no_gate_between_its_two_biases() -> None:
    both = draw(ChronoGRU(50, seed=3), (2, 24))
    np.testing.assert_array_equal(draw(ChronoGRU(50, seed=3), (24,)), both.sum(axis=0))


@pytest.mark.parametrize("initializer", SEEDED, ids=lambda initializer: type(initializer).__name__)
def test_seed_repeats_and_configuration_survives(initializer: Any) -> None:
    restored = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert type(initializer) is type(restored)
    assert initializer.get_config() == restored.get_config()
    np.testing.assert_array_equal(draw(initializer), draw(initializer))
    np.testing.assert_array_equal(draw(initializer), draw(restored))


@pytest.mark.parametrize(
    "initializer", [NonNegativeProduct(), SquareBlocks("orthogonal"), ChronoLSTM(50), ChronoGRU(50)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_honoured(initializer: Any, dtype: str) -> None:
    assert dtype == draw(initializer, dtype=dtype).dtype


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_non_negative_product_in_16_bits_is_rounded(dtype: str) -> None:
    precise, rounded = (NonNegativeProduct(seed=1)((8, 8), dtype=kind) for kind in ("float32", dtype))
    np.testing.assert_array_equal(tf.cast(precise, dtype), rounded)


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (lambda: NonNegativeProduct()((3, 4)), r"needs a square kernel, but got shape=\(3, 4\)"),
        (lambda: SquareBlocks("identity")((3, 4)), r"square blocks, but got shape=\(3, 4\)"),
        (lambda: SquareBlocks("identity")((3,)), r"square blocks, but got shape=\(3,\)"),
        (lambda: ChronoLSTM(2), r"longest_lag must be an integer of at least 3, but got longest_lag=2"),
        (lambda: ChronoGRU(3.5), r"longest_lag must be an integer of at least 3, but got longest_lag=3\.5"),
        (lambda: ChronoGRU(0), r"longest_lag must be an integer of at least 3, but got longest_lag=0"),
    ],
)
def test_errors_name_the_rule_and_what_came(create: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create()
