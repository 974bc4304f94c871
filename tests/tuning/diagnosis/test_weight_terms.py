"""Sizes of terms against the terms written out."""

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.tuning.diagnosis.cell_steps import Term
from rnnzoo.tuning.diagnosis.weight_terms import term_sizes, total_gradient

TIME, ROWS, LEFT, RIGHT = 6, 3, 4, 5


@pytest.mark.parametrize("with_left", [True, False])
@pytest.mark.parametrize("lags", [2, TIME - 1])
def test_equal_the_terms_written_out(with_left: bool, lags: int) -> None:
    random = np.random.default_rng(0)
    left = random.normal(size=(TIME, ROWS, LEFT)) if with_left else np.ones((TIME, ROWS, 1))
    right = random.normal(size=(TIME, ROWS, RIGHT))
    term = Term(tf.constant(left) if with_left else None, tf.constant(right))

    written = np.einsum("tbp,tbq->tbpq", left, right)
    np.testing.assert_allclose(total_gradient(term), written.sum(axis=0), rtol=1e-12)

    kept = written[::-1][: lags + 1]  # lag 0 is the last step
    whole = kept.sum(axis=0)
    sizes = term_sizes(term, lags)
    np.testing.assert_allclose(sizes.norms, np.sqrt((kept**2).sum(axis=(2, 3))).T, rtol=1e-12)
    np.testing.assert_allclose(sizes.contributions, (kept * whole).sum(axis=(2, 3)).T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tf.reduce_sum(sizes.contributions, axis=1), (whole**2).sum(axis=(1, 2)), rtol=1e-12)
