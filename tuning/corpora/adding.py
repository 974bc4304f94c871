"""The adding problem: the sum of two marked numbers of a long sequence, the classical test of long memory."""

import numpy as np
import numpy.typing as npt

from rnnzoo.models.arguments import whole

__all__ = ["BASELINE", "generate"]

# The mean squared error of always answering 1, the mean: the variance of the sum of two numbers from U(0, 1).
BASELINE = 2 / 12


def generate(count: int, length: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw `count` sequences of numbers from U(0, 1), two of them marked, and the sums of the marked two.

    One mark stands in the first half of a sequence and one in the second, so that even the later mark is on average a
    quarter of the length away from the end.

    Args:
        count: the number of sequences, 1 or more.
        length: the number of steps in each, 2 or more.
        seed: 0 or more; the arrays depend on the three arguments and on nothing else.

    Returns:
        inputs `(count, length, 2)` float32, each step a number and its mark (0 or 1); targets `(count,)` float32.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", 1997, in the form of Le, Jaitly & Hinton, "A Simple Way
    to Initialize Recurrent Networks of Rectified Linear Units", 2015.

    >>> inputs, targets = generate(count=5, length=8, seed=0)
    >>> inputs.shape, targets.shape
    ((5, 8, 2), (5,))
    >>> bool(np.allclose(targets, (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=1)))
    True
    """
    for name, value, least in (("count", count, 1), ("length", length, 2), ("seed", seed, 0)):
        whole(name, value, least)
    random = np.random.default_rng(seed)
    numbers = random.random((count, length), dtype=np.float32)
    rows = np.arange(count)
    first = random.integers(0, length // 2, count)
    second = random.integers(length // 2, length, count)
    marks = np.zeros_like(numbers)
    marks[rows, first] = marks[rows, second] = 1
    return np.stack([numbers, marks], axis=-1), numbers[rows, first] + numbers[rows, second]
