"""The metrics page, read by the reference parser."""

from prometheus_client.parser import text_string_to_metric_families

from rnnzoo.serving.server.observation.metrics import ServerMetrics


def samples(metrics: ServerMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_tensorflow_servings_names_labels_and_bounds_are_on_the_page() -> None:
    metrics = ServerMetrics()
    metrics.request("lstm", "Predict", "GRPC", 0, 0.001)
    metrics.request("lstm", "predict", "REST", 3, 0.001)
    metrics.runtime("lstm", "Predict", 25e-6)

    lines = metrics.exposition().decode().splitlines()
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    assert ':tensorflow:serving:request_count{model_name="lstm",status="INVALID_ARGUMENT"} 1' in lines
    latency = ':tensorflow:serving:request_latency_bucket{model_name="lstm",API="Predict",entrypoint="GRPC",le='
    # The bounds as TensorFlow Serving prints them: a dashboard asks for le="708235".
    assert f'{latency}"708235"}} 1' in lines
    assert f'{latency}"10"}} 0' in lines
    assert f'{latency}"+Inf"}} 1' in lines
    runtime = ':tensorflow:serving:runtime_latency_bucket{model_name="lstm",API="Predict",runtime="TF1",le='
    assert [f'{runtime}"18"}} 0', f'{runtime}"32.4"}} 1'] == [
        line for line in lines if line.startswith((f'{runtime}"18"', f'{runtime}"32.4"'))
    ]


def test_every_metric_of_ours_is_read_back_by_the_reference_parser() -> None:
    metrics = ServerMetrics()
    metrics.batch("lstm", 5, 0.002)
    metrics.queued("lstm", 150e-6)
    metrics.queue_length(lambda: 7)
    metrics.prefix_cache("lstm", hit=True, words_run=1)
    metrics.prefix_cache("lstm", hit=False, words_run=20)
    metrics.prefix_cache_bytes(lambda: 1024)
    metrics.unlogged()

    found, model = samples(metrics), ("model_name", "lstm")
    assert 5 == found["rnnzoo_batch_rows_sum", (model,)]
    assert 7 == found["rnnzoo_queue_length", ()]
    assert 1 == found["rnnzoo_prefix_cache_rows_total", (model, ("result", "hit"))]
    assert 1 == found["rnnzoo_prefix_cache_rows_total", (model, ("result", "miss"))]
    assert 21 == found["rnnzoo_prefix_cache_words_run_total", (model,)]
    assert 1024 == found["rnnzoo_prefix_cache_bytes", ()]
    assert 1 == found["rnnzoo_request_log_dropped_total", ()]
    assert found["process_resident_memory_bytes", ()] > 2**20


def test_names_that_callers_choose_cannot_break_the_page() -> None:
    metrics, name = ServerMetrics(), 'a"b\\c\nd{}'
    metrics.request(name, "Predict", "GRPC", 0, 0.001)

    assert name in {dict(labels).get("model_name") for _, labels in samples(metrics)}


def test_registries_are_apart() -> None:
    ServerMetrics().request("one", "Predict", "GRPC", 0, 0.001)

    assert b"one" not in ServerMetrics().exposition()
