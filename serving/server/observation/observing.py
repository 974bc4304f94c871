"""Who is told about requests: the metrics always, log lines and the file of requests if the settings say so."""

import json
import logging
import random
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from rnnzoo.serving.server.observation.metrics import ServerMetrics
from rnnzoo.serving.server.observation.request_log import RequestLog
from rnnzoo.serving.server.observation.request_record import RequestRecord
from rnnzoo.serving.server.settings import ServerSettings
from rnnzoo.serving.server.status import GONE, Code, code_name, status_of_error

__all__ = ["Observed", "RequestObserver", "make_observer", "write_bare_lines"]

# The calls that run a model: TensorFlow Serving counts no others.
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference", "Generate"})
_lines = logging.getLogger("rnnzoo.requests")


class RequestObserver:
    """Tells the metrics, the log and the file of requests about every request; lives in the loop.

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
        self._metrics = metrics
        self._log_lines = log_lines
        self._request_log = request_log
        self._sampling_rate = sampling_rate if request_log is not None else 0.0

    def begin(self, api: str, entrypoint: str) -> RequestRecord:
        """A new record, of a call such as "Predict" by "GRPC" or "REST"."""
        sampled = self._sampling_rate > 0.0 and random.random() < self._sampling_rate
        return RequestRecord(api=api, entrypoint=entrypoint, sampled=sampled)

    def finish(self, record: RequestRecord, code: int, message: str = "") -> None:
        """The request is answered: with status code 0, or with another and its message."""
        total = time.perf_counter() - record.began
        # TensorFlow Serving spells the call in lower case where it came by a URL.
        api = record.api.lower() if record.entrypoint == "REST" else record.api
        if record.api in _COUNTED:
            self._metrics.request(record.model_name, api, record.entrypoint, code, total)
        if record.compute:
            self._metrics.runtime(record.model_name, record.api, record.compute)
            self._metrics.queued(record.model_name, record.queue)
        if self._log_lines:
            _lines.info("%s", _line(record, code, message, total))
        # What was refused is not kept: a warm-up that fails would fail the load of its model.
        if record.sampled and code == 0 and self._request_log is not None:
            kept = self._request_log.put(record.api, record.request, record.response, self._sampling_rate)
            if not kept:
                self._metrics.unlogged()

    def close(self) -> None:
        """Writes what is left of the request log."""
        if self._request_log is not None:
            self._request_log.close()


class Observed:
    """A request, while the block answers it: `with Observed(observer, "Predict", "GRPC") as record`.

    The observer is told how it ends. What is raised comes out as a StatusError, but for a caller who goes.

    Args:
        observer: who is told.
        api: the call.
        entrypoint: "GRPC" or "REST".
    """

    __slots__ = ("_observer", "_record")

    def __init__(self, observer: RequestObserver, api: str, entrypoint: str) -> None:
        self._observer = observer
        self._record = observer.begin(api, entrypoint)

    def __enter__(self) -> RequestRecord:
        return self._record

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._observer.finish(self._record, 0)
        elif isinstance(error, Exception):
            status = status_of_error(error)
            self._observer.finish(self._record, status.code, status.message)
            if status is not error:
                raise status from error
        else:  # asyncio's CancelledError, or a stream that is closed
            self._observer.finish(self._record, Code.CANCELLED, GONE)


def make_observer(settings: ServerSettings, metrics: ServerMetrics) -> RequestObserver:
    """The observer that the settings want.

    Raises:
        OSError: if the folder of the request log cannot be made.
    """
    folder = settings.request_log_folder
    kept = RequestLog(Path(folder), unwritten=metrics.unlogged) if folder else None
    if settings.log_requests:
        _lines.setLevel(logging.INFO)
        if not _lines.hasHandlers():  # else the application has said where lines go
            write_bare_lines()
    return RequestObserver(metrics, settings.log_requests, kept, settings.request_log_sampling_rate)


def write_bare_lines() -> None:
    """Requests are lines on standard error with an object of JSON each and nothing around it, as programs read them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _lines.addHandler(handler)
    _lines.propagate = False


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
