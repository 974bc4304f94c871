"""Windows of a corpus, each ending where one word is predicted."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnzoo.models.arguments import whole

__all__ = ["TextWindows", "check_tokens", "random_windows"]


@dataclass(frozen=True, eq=False)
class TextWindows:
    """Rows of text and the word that follows each.

    Attributes:
        inputs: (rows, warm_up + lags + 1) token ids.
        targets: (rows,) the words to be predicted.
        positions: (rows,) the places of the rows' last words in the corpus.
        warm_up: how many words of each row are read for the state they leave alone.
    """

    inputs: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int64]
    warm_up: int

    @classmethod
    def ending_at(
        cls, tokens: npt.NDArray[np.integer], positions: npt.NDArray[np.int64], lags: int, warm_up: int
    ) -> "TextWindows":
        """The windows whose last words stand at `positions`; the warm-up is cut to the words that all of them have."""
        warm_up = min(warm_up, int(positions.min()) - lags)
        places = positions[:, np.newaxis] + np.arange(-lags - warm_up, 1)
        return cls(tokens[places].astype(np.int32), tokens[positions + 1].astype(np.int32), positions, warm_up)


def random_windows(
    tokens: npt.NDArray[np.integer], *, lags: int, positions: int, seed: int, warm_up: int
) -> TextWindows:
    """Windows at random places of a corpus, no place twice; all places there are, if they are fewer.

    Raises:
        ValueError: if the corpus is not one row of integers, or too short for one window.

    Example:
        >>> windows = random_windows(np.arange(100), lags=3, positions=2, seed=0, warm_up=2)
        >>> windows.inputs.shape, (windows.targets - windows.inputs[:, -1]).tolist()
        ((2, 6), [1, 1])
    """
    lags = whole("lags", lags, least=1)
    positions = whole("positions", positions, least=1)
    warm_up = whole("warm_up", warm_up, least=0)
    tokens = check_tokens(tokens)
    if len(tokens) < lags + 2:
        raise ValueError(f"a corpus must hold at least lags + 2 tokens, but got {len(tokens)} tokens for {lags=}.")
    # Where the corpus allows it, every row has its whole warm-up.
    first = min(lags + warm_up, len(tokens) - 2)
    if len(tokens) - 1 - first < positions:
        first = max(lags, len(tokens) - 1 - positions)
    places = np.arange(first, len(tokens) - 1)
    drawn = np.random.default_rng(seed).choice(places, size=min(positions, len(places)), replace=False)
    return TextWindows.ending_at(tokens, drawn, lags, warm_up)


def check_tokens(tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Tokens as an array; raise a ValueError unless they are one row of integers."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(f"tokens must be one row of ids, but got {tokens.dtype} {tokens.shape}.")
    return tokens
