"""Token ids that a model knows."""

import numpy as np
import numpy.typing as npt

__all__ = ["check_ids"]


def check_ids(token_ids: npt.NDArray[np.integer], words: int) -> None:
    """Raise a ValueError if a model of so many words does not know one of the ids.

    >>> check_ids(np.array([0, 5]), 5)
    Traceback (most recent call last):
        ...
    ValueError: tokens must be ids from 0 to 4, the model's words, but got ids from 0 to 5.
    """
    if not 0 <= token_ids.min() <= token_ids.max() < words:
        raise ValueError(
            f"tokens must be ids from 0 to {words - 1}, the model's words, "
            f"but got ids from {token_ids.min()} to {token_ids.max()}."
        )
