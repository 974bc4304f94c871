"""One request from its beginning to its end: its times, and all who are told about it."""

import json
import logging
import random
import time
from dataclasses import dataclass, field
from typing import Any

from rnnzoo.serving.server.metrics import ServerMetrics
from rnnzoo.serving.server.request_log import RequestLog
from rnnzoo.serving.server.status import code_name

__all__ = ["RequestObserver", "RequestRecord"]

# The calls that run a model: TensorFlow Serving counts no others.
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference", "Generate"})
_log = logging.getLogger("rnnzoo.requests")


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """What is known of a request; its fields are those of `rnnzoo.serving.server.observation.Record`.

    Attributes:
        api: the call, such as "Predict".
        entrypoint: "GRPC" or "REST".
        began: when, by the clock of `time.perf_counter`.
        sampled: whether it is to be written to the request log.
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


class RequestObserver:
    """Tells the metrics, the log and the file of requests about every request.

    Args:
        metrics: where requests are counted.
        log_lines: whether to log one line of JSON a request, with its times in milliseconds, as "rnnzoo.requests".
        request_log: where requests are kept to be played again; None keeps none.
        sampling_rate: the share of requests that are kept.

    Raises:
        ValueError: if the share is not between 0 and 1.
    """

    def __init__(
        self,
        metrics: ServerMetrics,
        log_lines: bool = False,
        request_log: RequestLog | None = None,
        sampling_rate: float = 1.0,
    ) -> None:
        if not 0.0 <= sampling_rate <= 1.0:
            raise ValueError(f"sampling_rate must be between 0 and 1, but got {sampling_rate=}.")
        self.metrics = metrics
        self._log_lines = log_lines
        self._request_log = request_log
        self._sampling_rate = sampling_rate if request_log is not None else 0.0

    def begin(self, api: str, entrypoint: str) -> RequestRecord:
        """A new record, of a call such as "Predict" by "GRPC" or "REST"."""
        sampled = self._sampling_rate > 0.0 and random.random() < self._sampling_rate
        return RequestRecord(api=api, entrypoint=entrypoint, sampled=sampled)

    def finish(
        self, record: RequestRecord, code: int, message: str = "", request: Any = None, response: Any = None
    ) -> None:
        """The request is answered: with status code 0, or with another and its message."""
        total = time.perf_counter() - record.began
        # TensorFlow Serving spells the call in lower case where it came by a URL.
        api = record.api.lower() if record.entrypoint == "REST" else record.api
        if record.api in _COUNTED:
            self.metrics.request(record.model_name, api, record.entrypoint, code, total)
        if record.compute:
            self.metrics.runtime(record.model_name, record.api, record.compute)
            self.metrics.queued(record.model_name, record.queue)
        if self._log_lines:
            _log.info("%s", _line(record, code, message, total))
        # What was refused is not kept: a warm-up that fails would fail the load of its model.
        if record.sampled and code == 0 and self._request_log is not None:
            kept = self._request_log.put(record.api, request, response, self._sampling_rate)
            if not kept:
                self.metrics.unlogged()

    def close(self) -> None:
        """Writes what is left of the request log."""
        if self._request_log is not None:
            self._request_log.close()


def _line(record: RequestRecord, code: int, message: str, total: float) -> str:
    line: dict[str, Any] = {
        "time": round(time.time(), 3),
        "api": record.api,
        "entrypoint": record.entrypoint,
        "model": record.model_name,
        "version": record.model_version,
        "signature": record.signature_name,
        "status": "OK" if code == 0 else code_name(code),
        "rows": record.rows,
        "batch_rows": record.batch_rows,
        "cache": record.cache,
        **{
            f"{stage}_ms": round(seconds * 1000, 3)
            for stage, seconds in (
                ("total", total),
                ("parse", record.parse),
                ("queue", record.queue),
                ("compute", record.compute),
                ("reply", record.reply),
            )
        },
    }
    if code:
        line["message"] = message[:200]
    return json.dumps(line, ensure_ascii=False)
