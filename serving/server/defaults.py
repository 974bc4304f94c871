"""What holds unless a server is told otherwise, for those that must not wait for gRPC or TensorFlow, too."""

__all__ = ["DEFAULT_PORT", "PREFIX_CACHE_BYTES", "PROMETHEUS_PATH"]

DEFAULT_PORT = 8500  # TensorFlow Serving's own, as is the path
PREFIX_CACHE_BYTES = 64 * 2**20
PROMETHEUS_PATH = "/monitoring/prometheus/metrics"
