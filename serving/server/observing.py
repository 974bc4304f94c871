"""Sets up who is told about requests: the metrics always, log lines and the file of requests if the settings say so."""

import logging
import sys
from pathlib import Path

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.metrics import ServerMetrics
from rnnzoo.serving.server.request_log import RequestLog
from rnnzoo.serving.server.request_record import RequestObserver

__all__ = ["make_part", "write_bare_lines"]

_LINES = logging.getLogger("rnnzoo.requests")


def make_part(core: Core) -> None:
    """Gives the core its observer and its metrics; there is nothing to start.

    Raises:
        OSError: if the folder of the request log cannot be made.
    """
    settings = core.settings
    metrics = ServerMetrics()
    metrics.queue_length(core.waiting_for_batch)
    metrics.prefix_cache_bytes(lambda: core.prefix_cache.bytes)
    folder = settings.request_log_folder
    kept = RequestLog(Path(folder), unwritten=metrics.unlogged) if folder else None
    core.metrics = metrics
    core.observer = RequestObserver(metrics, settings.log_requests, kept, settings.request_log_sampling_rate)
    if settings.log_requests:
        _LINES.setLevel(logging.INFO)
        if not _LINES.hasHandlers():  # else the application has said where lines go
            write_bare_lines()


def write_bare_lines() -> None:
    """Requests are lines on standard error with an object of JSON each and nothing around it, as programs read them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LINES.addHandler(handler)
    _LINES.propagate = False
