"""Backpropagation through time, term by term: what each lag adds to the gradient of a weight.

`∂L/∂W = Σ_k term_k`. The terms are outer products, so their sizes follow from their factors and are never written out.
"""

from typing import NamedTuple

import tensorflow as tf

from rnnzoo.tuning.diagnosis.cell_steps import Term

__all__ = ["TermSizes", "term_sizes", "total_gradient"]


class TermSizes(NamedTuple):
    """Sizes of the terms, lag 0 first.

    Attributes:
        norms: (b, lags) `‖term_k‖`.
        contributions: (b, lags) `⟨term_k, total⟩`, what of the term points where the whole gradient points; they add up
            to `‖total‖²`, and negative ones work against the rest.
    """

    norms: tf.Tensor
    contributions: tf.Tensor


def term_sizes(term: Term, lags: int) -> TermSizes:
    """The sizes of the terms of lag 0 … `lags`, and the whole they add up to.

    Example:
        >>> steps = tf.constant([[[9.0]], [[3.0]], [[4.0]]])  # (time, rows, values): lag 0 is the last
        >>> sizes = term_sizes(Term(left=None, right=steps), lags=1)
        >>> sizes.norms.numpy().tolist(), sizes.contributions.numpy().tolist()
        ([[4.0, 3.0]], [[28.0, 21.0]])
    """
    factors = Term(*(None if factor is None else factor[::-1][: lags + 1] for factor in term))
    left, right = factors
    total = total_gradient(factors)  # (b, p, q)
    along = tf.einsum("tbq,bpq->tbp", right, total)  # (t, b, p)
    norms = tf.norm(right, axis=-1)
    if left is None:
        contributions = along[..., 0]
    else:
        norms *= tf.norm(left, axis=-1)
        contributions = tf.reduce_sum(left * along, axis=-1)
    return TermSizes(tf.transpose(norms), tf.transpose(contributions))


def total_gradient(term: Term) -> tf.Tensor:
    """The sum over all steps, row by row: (b, p, q), with p = 1 where there is no left factor."""
    if term.left is None:
        return tf.reduce_sum(term.right, axis=0)[:, tf.newaxis]
    return tf.matmul(tf.transpose(term.left, (1, 2, 0)), tf.transpose(term.right, (1, 0, 2)))
