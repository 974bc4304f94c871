"""What is told of requests: metrics, log lines, recorded requests."""
