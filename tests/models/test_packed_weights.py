"""Weights rounded to be shipped."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes

from rnnzoo.models.packed_weights import pack, packed_file, read_packed, unpack

FLOATS = st.floats(-60_000, 60_000, width=32)


@given(shapes.arrays(np.float32, (1_000, 2), elements=FLOATS))
def test_a_word_vector_is_off_by_half_a_step_at_most(table: np.ndarray) -> None:
    packed = pack({"words": table})
    error = np.abs(unpack(packed)["words"] - table)
    assert packed["words"].dtype == np.int8
    assert (error <= 0.5001 * packed["words:scale"].astype(np.float32)).all()
    largest = np.abs(table).max(axis=1, keepdims=True)
    # The step is a 127th of the largest value, rounded up to 16 bits, whose smallest number is 6e-8.
    assert (packed["words:scale"].astype(np.float64) <= 1.01 * largest / 127 + 1.2e-7).all()


@given(shapes.arrays(np.float32, shapes.array_shapes(max_dims=3, max_side=5), elements=FLOATS))
def test_what_is_no_table_of_words_is_rounded_to_16_bits(weight: np.ndarray) -> None:
    np.testing.assert_array_equal(unpack(pack({"kernel": weight}))["kernel"], weight.astype(np.float16))


def test_the_kernel_of_a_wide_layer_is_no_table_of_words() -> None:
    weight = np.ones((2_000, 4), np.float32)
    assert np.float16 == pack({"layer_0/recurrent_kernel": weight})["layer_0/recurrent_kernel"].dtype
    assert np.int8 == pack({"embedding/embeddings": weight})["embedding/embeddings"].dtype


@pytest.mark.parametrize("value", [np.nan, np.inf, 70_000.0])
def test_what_does_not_fit_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite and fit into 16 bits, but bias does not"):
        pack({"bias": np.array([value], np.float32)})


def test_the_file_is_the_same_for_the_same_weights(tmp_path: Path) -> None:
    weights = {"words": np.random.default_rng(0).normal(size=(2_000, 8)).astype(np.float32)}
    assert packed_file(weights) == packed_file(weights)
    (tmp_path / "a").write_bytes(packed_file(weights))
    np.testing.assert_array_equal(read_packed(tmp_path / "a")["words"], unpack(pack(weights))["words"])


@pytest.mark.parametrize("place", [0, 100, -60])
def test_a_damaged_file_is_refused(place: int, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    damaged = bytearray(packed_file({"words": np.random.default_rng(0).normal(size=(2_000, 8)).astype(np.float32)}))
    damaged[place : place + 40] = bytes(40)
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="must be a file of packed weights, but it is damaged"):
        read_packed(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("words.npy", b"no array")
    with pytest.raises(ValueError, match=r"weights\.npz"):
        read_packed(path)
