"""How requests are put together: the numbers of TensorFlow Serving's `BatchingParameters`."""

import os
from dataclasses import dataclass, field

__all__ = ["BatchingParameters"]


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """TensorFlow Serving's names and defaults.

    Attributes:
        max_batch_size: the most rows of one batch.
        batch_timeout_micros: how long the first request of a batch may wait for others. With 0, the default, none
            waits while a thread is free: batches form of what arrives while another batch runs.
        max_enqueued_batches: how many batches may wait for each signature; more are refused (UNAVAILABLE).
        num_batch_threads: how many batches run at once; by default as many as there are processors.
        allowed_batch_sizes: if not empty, batches are filled up to the next of these (with copies of their first
            row), so that a graph which is compiled for each size meets few sizes. The last is `max_batch_size`.
        enable_large_batch_splitting: whether a request of more rows than a batch holds runs, as a batch of its own,
            where TensorFlow Serving splits it; else it is refused.

    Raises:
        ValueError: if a number is out of range; in TensorFlow Serving's words where it has some.

    >>> BatchingParameters(max_batch_size=8, allowed_batch_sizes=(2, 4))
    Traceback (most recent call last):
        ...
    ValueError: Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    allowed_batch_sizes: tuple[int, ...] = ()
    enable_large_batch_splitting: bool = False

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but got {name}={getattr(self, name)}.")
        if self.batch_timeout_micros < 0:
            raise ValueError(f"batch_timeout_micros must be at least 0, but got {self.batch_timeout_micros}.")
        sizes = self.allowed_batch_sizes
        if any(later <= size for size, later in zip((0, *sizes), sizes, strict=False)):
            raise ValueError("allowed_batch_sizes entries must be monotonically increasing")
        if sizes and sizes[-1] != self.max_batch_size:
            raise ValueError(
                f"Last entry in allowed_batch_sizes must match max_batch_size; last entry was {sizes[-1]}; "
                f"expected {self.max_batch_size}"
            )

    def padded(self, rows: int) -> int:
        """The size that a batch of so many rows is filled up to."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)
