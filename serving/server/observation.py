"""What the core writes down about a request, and whom it tells: the shapes that metrics and log lines fit into."""

from typing import Any, Protocol

__all__ = ["Metrics", "Observer", "Record"]


class Record(Protocol):
    """One request, filled in while it is answered; the times are seconds.

    Attributes:
        model_name: the model's name; "" where no such model is served, as any name would be counted for itself, and
            callers know endless ones.
        model_version: the version that answered.
        signature_name: resolved.
        rows: the rows of the request, where they are known.
        batch_rows: those of the batch that it ran in; 0 if it ran in none.
        cache: how the prefix cache helped: "hit", "extended" or "miss"; None if it was not asked.
        parse: from message to arrays.
        queue: until the model ran.
        compute: the model's run, the whole batch's if there was one.
        reply: from arrays to message.
    """

    model_name: str
    model_version: int
    signature_name: str
    rows: int
    batch_rows: int
    cache: str | None
    parse: float
    queue: float
    compute: float
    reply: float


class Observer(Protocol):
    """Told about each request, in the loop: it must be quick and must not raise."""

    def begin(self, api: str, entrypoint: str) -> Record:
        """A new record, of a call such as "Predict" by "GRPC" or "REST"."""
        ...

    def finish(self, record: Any, code: int, message: str = "", request: Any = None, response: Any = None) -> None:
        """The request is answered: with status code 0, or with another and its message."""
        ...

    def close(self) -> None:
        """No request comes any more; it may wait for a disk."""
        ...


class Metrics(Protocol):
    """Told about the models' runs and the prefix cache, by any thread."""

    def batch(self, model_name: str, rows: int, seconds: float) -> None:
        """A model ran once, with so many rows."""
        ...

    def prefix_cache(self, model_name: str, hit: bool, words_run: int) -> None:
        """A row went through the prefix cache, and so many of its words ran nevertheless."""
        ...
