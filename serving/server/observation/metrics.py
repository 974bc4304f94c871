"""What Prometheus reads: TensorFlow Serving's own names, as its dashboards know them, and ours beside them."""

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector

from rnnzoo.serving.server.status import code_name

__all__ = ["ServerMetrics"]

_TENSORFLOW = ":tensorflow:"
_MICROSECONDS = 1e6


def _exponential(scale: float, growth: float, count: int) -> list[float]:
    return [scale * growth**step for step in range(count)]


class ServerMetrics:
    """Counts and times of one server, in a registry of its own. Threads may call every method.

    Times come in seconds. TensorFlow Serving's histograms are in microseconds, with its own bounds.

    >>> metrics = ServerMetrics()
    >>> metrics.request("lstm", "Predict", "GRPC", 0, 0.001)
    >>> [line for line in metrics.exposition().decode().splitlines() if "request_count{" in line]
    [':tensorflow:serving:request_count{model_name="lstm",status="OK"} 1']
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._children: dict[tuple[Any, ...], Any] = {}
        ProcessCollector(registry=registry)
        latency, model = _exponential(10, 1.8, 33), ("model_name",)
        self._requests = Counter(
            ":tensorflow:serving:request_count",
            "The total number of requests.",
            ("model_name", "status"),
            registry=registry,
        )
        self._latency = Histogram(
            ":tensorflow:serving:request_latency",
            "Distribution of wall time (in microseconds) for Tensorflow Serving request.",
            ("model_name", "API", "entrypoint"),
            buckets=latency,
            registry=registry,
        )
        self._runtime = Histogram(
            ":tensorflow:serving:runtime_latency",
            "Distribution of wall time (in microseconds) for Tensorflow runtime.",
            ("model_name", "API", "runtime"),
            buckets=latency,
            registry=registry,
        )
        self._queued = Histogram(
            ":tensorflow:serving:batching_session:queuing_latency",
            "Distribution of wall time spent (in microseconds) in queuing",
            ("thread_pool_name",),
            buckets=_exponential(100, 1.2, 52),
            registry=registry,
        )
        self._runs = Counter(":tensorflow:core:graph_runs", "The number of graph executions.", registry=registry)
        self._run_time = Counter(
            ":tensorflow:core:graph_run_time_usecs", "The total time spent on executing graphs.", registry=registry
        )
        self._batch_rows = Histogram(
            "rnnzoo_batch_rows", "Rows that ran together.", model, buckets=_exponential(1, 2, 11), registry=registry
        )
        self._queue_length = Gauge("rnnzoo_queue_length", "Requests that wait for a batch.", registry=registry)
        self._cache_rows = Counter(
            "rnnzoo_prefix_cache_rows",
            "Rows that the prefix cache was asked for.",
            ("model_name", "result"),
            registry=registry,
        )
        self._cache_words = Counter(
            "rnnzoo_prefix_cache_words_run", "Words that ran behind what the cache knew.", model, registry=registry
        )
        self._cache_bytes = Gauge("rnnzoo_prefix_cache_bytes", "Memory of the states kept.", registry=registry)
        self._unlogged = Counter(
            "rnnzoo_request_log_dropped",
            "Requests that the log or its disk had no room for.",
            registry=registry,
        )

    def _child(self, metric: Any, *labels: str) -> Any:
        # prometheus_client's own look-up takes a lock, which every request would wait for several times.
        child = self._children.get((metric, *labels))
        if child is None:
            child = self._children[metric, *labels] = metric.labels(*labels)
        return child

    def request(self, model_name: str, api: str, entrypoint: str, code: int, seconds: float) -> None:
        """A request was answered, with a status code; the latency counts where it is 0."""
        status = "OK" if code == 0 else code_name(code)
        self._child(self._requests, model_name, status).inc()
        if code == 0:
            self._child(self._latency, model_name, api, entrypoint).observe(seconds * _MICROSECONDS)

    def runtime(self, model_name: str, api: str, seconds: float) -> None:
        """A request's model ran so long; TensorFlow Serving calls a session's runtime "TF1"."""
        self._child(self._runtime, model_name, api, "TF1").observe(seconds * _MICROSECONDS)

    def queued(self, model_name: str, seconds: float) -> None:
        """A request waited for its batch."""
        self._child(self._queued, model_name).observe(seconds * _MICROSECONDS)

    def batch(self, model_name: str, rows: int, seconds: float) -> None:
        """A model ran once, with so many rows."""
        self._child(self._batch_rows, model_name).observe(rows)
        self._runs.inc()
        self._run_time.inc(seconds * _MICROSECONDS)

    def queue_length(self, read: Callable[[], float]) -> None:
        """From now on, `read` says how many requests wait; it is called when the page is."""
        self._queue_length.set_function(read)

    def prefix_cache(self, model_name: str, hit: bool, words_run: int) -> None:
        """A row went through the prefix cache, and so many of its words ran nevertheless."""
        self._child(self._cache_rows, model_name, "hit" if hit else "miss").inc()
        self._child(self._cache_words, model_name).inc(words_run)

    def prefix_cache_bytes(self, read: Callable[[], float]) -> None:
        """From now on, `read` says how much memory the cache holds."""
        self._cache_bytes.set_function(read)

    def unlogged(self) -> None:
        """A request was not written to the request log."""
        self._unlogged.inc()

    def exposition(self) -> bytes:
        """The page in Prometheus' text format."""
        lines = [line for metric in self._registry.collect() for line in _lines(metric)]
        return ("\n".join(lines) + "\n").encode()


def _lines(metric: Metric) -> Iterable[str]:
    # Written here, because prometheus_client adds `_total` to the names of counters and `.0` to the bounds of
    # buckets, where dashboards made for TensorFlow Serving look for neither.
    theirs = metric.name.startswith(_TENSORFLOW)
    suffix = "" if theirs or metric.type != "counter" else "_total"
    if not theirs:
        yield f"# HELP {metric.name}{suffix} {metric.documentation}"
    yield f"# TYPE {metric.name}{suffix} {metric.type}"
    for sample in metric.samples:
        if sample.name.endswith("_created"):
            continue
        name = metric.name + suffix if metric.type == "counter" else sample.name
        labels = {
            key: f"{float(value):g}" if key == "le" and value != "+Inf" else value
            for key, value in sample.labels.items()
        }
        inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
        braces = f"{{{inside}}}" if inside or theirs else ""
        yield f"{name}{braces} {sample.value:.17g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
