"""A corpus of token ids → the windows that truncated backpropagation through time walks over."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.arguments import whole
from rnnzoo.models.vocabulary import Vocabulary

__all__ = ["Batch", "ContiguousBatches"]

# inputs, targets, weights: each (batch, window)
Batch = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class ContiguousBatches:
    """Cuts a corpus into `batch_size` contiguous rows and walks over all of them at once, a window at a time.

    Row `r` of a batch goes on where row `r` of the batch before it stopped, so a network that keeps its state from
    batch to batch reads each row as one text. The targets are the next tokens. Every token of the corpus is a target
    exactly once: the very first is predicted from `<eos>`, and where a row is over before the last window is, weight 0
    marks the padding. Rows differ in length by one token at most, so only the last batch holds padding.

    Args:
        tokens: `(tokens,)` integer ids; a memory map is read a batch at a time.
        batch_size: the number of rows.
        window: the number of time steps in a batch, that is, how far gradients flow back.
        offset: the token that the first row begins with; the corpus then goes on from its end to its beginning.

    Raises:
        ValueError: if a size is not a positive integer, the offset is not one of the corpus's places, or the corpus
            does not fill one window or one token per row.

    >>> batches = ContiguousBatches(np.arange(2, 12), batch_size=2, window=3)
    >>> len(batches)
    2
    >>> inputs, targets, weights = batches[1]
    >>> targets.tolist(), weights.tolist()
    ([[5, 6, 1], [10, 11, 1]], [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    """

    tokens: npt.NDArray[np.integer]
    batch_size: int
    window: int
    offset: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", np.asarray(self.tokens))
        for name, size in (("batch_size", self.batch_size), ("window", self.window)):
            whole(name, size, least=1)
        if self.tokens.ndim != 1 or not np.issubdtype(self.tokens.dtype, np.integer):
            raise ValueError(f"tokens must be one row of ids, but got {self.tokens.dtype} {self.tokens.shape}.")
        if len(self.tokens) < max(self.batch_size, self.window):
            raise ValueError(
                "the corpus must hold at least one window and one token per row, "
                f"but got {len(self.tokens)} tokens for window={self.window} and batch_size={self.batch_size}."
            )
        whole("offset", self.offset, least=0, most=len(self.tokens) - 1)

    def __len__(self) -> int:
        longest = -(-len(self.tokens) // self.batch_size)
        return -(-longest // self.window)

    def __getitem__(self, step: int) -> Batch:
        """Batch number `step` of the epoch: inputs, targets and weights, each `(batch, window)`."""
        if not 0 <= step < len(self):
            raise IndexError(f"step must be from 0 to {len(self) - 1}, but got {step=}.")
        borders = np.arange(self.batch_size + 1) * len(self.tokens) // self.batch_size
        positions = borders[:-1, None] + step * self.window + np.arange(self.window)  # (batch, window)
        inside = positions < borders[1:, None]
        positions = np.where(inside, (positions + self.offset) % len(self.tokens), 0)
        inputs = np.where(inside & (positions > 0), self.tokens[positions - 1], Vocabulary.end_id)
        targets = np.where(inside, self.tokens[positions], Vocabulary.end_id)
        return inputs.astype(np.int32), targets.astype(np.int32), inside.astype(np.float32)

    def dataset(self, start: int = 0) -> tf.data.Dataset:
        """The epoch from batch `start` on, as a dataset of `(inputs, targets, weights)` with static shapes.

        Args:
            start: the first batch to give; 0 (default) is the whole epoch, another number resumes one.

        Raises:
            ValueError: if `start` is no integer from 0 to `len(self)`.
        """
        start = whole("start", start, least=0, most=len(self))
        return self.walked(lambda: (self[step] for step in range(start, len(self))), len(self) - start)

    def walked(self, walk: Callable[[], Iterator[Batch]], count: int) -> tf.data.Dataset:
        """`count` batches of this shape, from an iterator that is made anew for each pass, as a dataset."""
        shape = (self.batch_size, self.window)
        signature = tuple(tf.TensorSpec(shape, dtype) for dtype in (tf.int32, tf.int32, tf.float32))
        dataset = tf.data.Dataset.from_generator(walk, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)
