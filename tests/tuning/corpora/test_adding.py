"""Two marks a sequence, one in each half; the target is their sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.tuning.corpora.adding import BASELINE, generate


@given(count=st.integers(1, 20), length=st.integers(2, 30), seed=st.integers(0, 2**32))
def test_targets_are_the_sums_of_the_marked(count: int, length: int, seed: int) -> None:
    inputs, targets = generate(count, length, seed)
    numbers, marks = inputs[:, :, 0], inputs[:, :, 1]

    assert (np.float32, np.float32) == (inputs.dtype, targets.dtype)
    assert ((count, length, 2), (count,)) == (inputs.shape, targets.shape)
    assert (marks[:, : length // 2].sum(axis=1) == 1).all()
    assert (marks[:, length // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=1), targets, rtol=1e-6)
    assert ((numbers >= 0) & (numbers < 1)).all()


def test_always_answering_one_has_the_baseline_error() -> None:
    _, targets = generate(200_000, 4, seed=0)

    assert pytest.approx(BASELINE, rel=0.01) == float(np.mean((targets - 1) ** 2))


def test_the_seed_decides() -> None:
    assert (generate(3, 5, 7)[0] == generate(3, 5, 7)[0]).all()
    assert (generate(3, 5, 7)[0] != generate(3, 5, 8)[0]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5, 0), "count must be a positive integer, but got count=0"),
        ((1, 1, 0), "length must be an integer of at least 2, but got length=1"),
        ((1, 2.0, 0), "length must be an integer of at least 2, but got length=2.0"),
        ((1, 2, -1), "seed must be an integer of at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(*arguments)
