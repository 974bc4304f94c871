"""Every token is a target once, and rows go on from batch to batch."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.batches import ContiguousBatches


@st.composite
def _batches(draw: st.DrawFn) -> ContiguousBatches:
    batch_size, window = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    count = draw(st.integers(max(batch_size, window), 120))
    return ContiguousBatches(np.arange(2, 2 + count), batch_size, window, draw(st.integers(0, count - 1)))


def _rows(batches: ContiguousBatches) -> list[list[tuple[int, int]]]:
    """The (input, target) pairs of each row over the whole epoch, padding left out."""
    rows: list[list[tuple[int, int]]] = [[] for _ in range(batches.batch_size)]
    for step in range(len(batches)):
        for row, inputs, targets, weights in zip(rows, *batches[step], strict=True):
            row += [pair for *pair, weight in zip(inputs, targets, weights, strict=True) if weight == 1]
    return rows


@given(batches=_batches())
def test_each_token_is_predicted_once_from_the_one_before(batches: ContiguousBatches) -> None:
    pairs = [tuple(pair) for row in _rows(batches) for pair in row]

    tokens = batches.tokens.tolist()
    in_order = list(zip([1, *tokens[:-1]], tokens, strict=True))
    assert in_order[batches.offset :] + in_order[: batches.offset] == pairs


@given(batches=_batches())
def test_only_the_last_batch_is_padded(batches: ContiguousBatches) -> None:
    steps = [batches[step] for step in range(len(batches))]

    assert all(weights.all() for _, _, weights in steps[:-1])
    inputs, targets, weights = steps[-1]
    assert weights.any()
    assert (inputs[weights == 0] == 1).all()
    assert (targets[weights == 0] == 1).all()


@given(batches=_batches(), data=st.data())
def test_shapes_types_and_range(batches: ContiguousBatches, data: st.DataObject) -> None:
    batch = batches[data.draw(st.integers(0, len(batches) - 1))]

    assert [(batches.batch_size, batches.window)] * 3 == [array.shape for array in batch]
    assert [np.int32, np.int32, np.float32] == [array.dtype for array in batch]
    with pytest.raises(IndexError, match="step must be from 0"):
        batches[len(batches)]


@pytest.mark.parametrize("start", [0, 2, 4])
def test_dataset_is_the_batches_from_start_on(tmp_path: Path, start: int) -> None:
    np.save(tmp_path / "tokens.npy", np.arange(2, 41, dtype=np.int32))
    batches = ContiguousBatches(np.load(tmp_path / "tokens.npy", mmap_mode="r"), batch_size=3, window=4)
    dataset = batches.dataset(start)

    assert len(batches) - start == dataset.cardinality().numpy()
    assert all(spec.shape == (3, 4) for spec in dataset.element_spec)
    found = [tuple(part.tolist() for part in batch) for batch in dataset.as_numpy_iterator()]
    assert [tuple(part.tolist() for part in batches[step]) for step in range(start, len(batches))] == found
    assert [tf.int32, tf.int32, tf.float32] == [spec.dtype for spec in dataset.element_spec]


@pytest.mark.parametrize(
    ("tokens", "batch_size", "window", "message"),
    [
        (np.arange(9), 2, 10, "but got 9 tokens for window=10"),
        (np.arange(9), 10, 2, "one token per row, but got 9 tokens"),
        (np.arange(9), 0, 2, "batch_size must be a positive integer, but got batch_size=0"),
        (np.arange(9), 2, 1.5, "window must be a positive integer, but got window=1.5"),
        (np.arange(9.0), 2, 2, "one row of ids, but got float64"),
        (np.zeros((2, 2), int), 1, 1, "one row of ids"),
    ],
)
def test_what_cannot_be_cut_is_refused(tokens: np.ndarray, batch_size: int, window: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ContiguousBatches(tokens, batch_size, window)


@pytest.mark.parametrize("offset", [-1, 9, 1.5])
def test_an_offset_outside_the_corpus_is_refused(offset: float) -> None:
    with pytest.raises(ValueError, match=r"offset must be an integer from 0 to 8, but got offset="):
        ContiguousBatches(np.arange(9), 2, 2, offset)


@pytest.mark.parametrize("start", [-1, 3])
def test_start_outside_the_epoch_is_refused(start: int) -> None:
    with pytest.raises(ValueError, match="start must be an integer from 0 to 2, but got"):
        ContiguousBatches(np.arange(8), 2, 2).dataset(start)
