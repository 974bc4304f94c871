"""What is known of one request, filled in while it is answered."""

import time
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RequestRecord"]


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request; the times are seconds.

    Attributes:
        api: the call, such as "Predict".
        entrypoint: "GRPC" or "REST".
        began: when, by the clock of `time.perf_counter`.
        sampled: whether it is to be written to the request log.
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
        request, response: the messages, once it is answered.
    """

    api: str
    entrypoint: str
    began: float = field(default_factory=time.perf_counter)
    sampled: bool = False
    model_name: str = ""
    model_version: int = 0
    signature_name: str = ""
    rows: int = 0
    batch_rows: int = 0
    cache: str | None = None
    parse: float = 0.0
    queue: float = 0.0
    compute: float = 0.0
    reply: float = 0.0
    request: Any = None
    response: Any = None
