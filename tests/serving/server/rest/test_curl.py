"""TensorFlow Serving's documented REST examples, sent by curl to a model like the one they are documented with."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from rnnzoo.serving.server.process import make_server
from rnnzoo.serving.server.rest.port import RestPort

Curl = Callable[..., Any]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl on the path")


def save_half_plus_three(folder: Path) -> None:
    """The model of TensorFlow Serving's documentation: y = 0.5 x + 3, by three methods."""
    signatures = tf.compat.v1.saved_model
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.float32)})
        x = tf.compat.v1.placeholder_with_default(parsed["x"], [None], name="x")
        slope = tf.compat.v1.get_variable("slope", initializer=0.5)
        y = x * slope + 3.0
        session.run(tf.compat.v1.global_variables_initializer())
        builder = signatures.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            {
                "serving_default": signatures.predict_signature_def({"x": x}, {"y": y}),
                "tensorflow/serving/predict": signatures.predict_signature_def({"x": x}, {"y": y}),
                "tensorflow/serving/regress": signatures.regression_signature_def(examples, y[:, tf.newaxis]),
                "classify_x_to_y": signatures.classification_signature_def(examples, None, y[:, tf.newaxis]),
            },
        )
        builder.save()


@pytest.fixture(scope="module")
def curl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curl]:
    """What curl prints for a path and a body."""
    base_path = tmp_path_factory.mktemp("half_plus_three")
    save_half_plus_three(base_path / "123")
    server = make_server(base_path, model_name="half_plus_three", port=0, poll_seconds=0, rest_api_port=0)
    server.start()
    (part,) = (part for part in server.parts if isinstance(part, RestPort))

    def run(path: str, body: str | None = None) -> Any:
        sent = [] if body is None else ["-d", "@-", "-X", "POST"]
        printed = subprocess.run(
            ["curl", "-sS", *sent, f"http://{part.address}{path}"],
            input=body,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return json.loads(printed.stdout)

    yield run
    server.stop()


def test_status(curl: Curl) -> None:
    (version,) = curl("/v1/models/half_plus_three")["model_version_status"]

    assert {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}} == version


def test_predict_in_rows_and_in_columns(curl: Curl) -> None:
    path = "/v1/models/half_plus_three:predict"

    assert {"predictions": [3.5, 4.0, 5.5]} == curl(path, '{"instances": [1.0,2.0,5.0]}')
    assert {"outputs": [3.5, 4.0, 5.5]} == curl(path, '{"inputs": {"x": [1.0,2.0,5.0]}}')
    assert {"predictions": [3.5]} == curl("/v1/models/half_plus_three/versions/123:predict", '{"instances": [1.0]}')


def test_regress(curl: Curl) -> None:
    answer = curl(
        "/v1/models/half_plus_three:regress",
        '{"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1.0}, {"x": 2.0}]}',
    )

    assert {"results": [3.5, 4.0]} == answer


def test_classify_with_a_context(curl: Curl) -> None:
    answer = curl(
        "/v1/models/half_plus_three:classify",
        '{"signature_name": "classify_x_to_y", "context": {"x": 3.0}, "examples": [{}, {}]}',
    )

    assert {"results": [[["", 4.5]], [["", 4.5]]]} == answer


def test_the_documented_mistake(curl: Curl) -> None:
    # Examples need their signature: the default one takes tensors.
    refused = curl("/v1/models/half_plus_three:regress", '{"examples": [{"x": 1.0}]}')

    assert ["error"] == list(refused)


def test_curl_asks_first_before_it_sends_a_large_body(curl: Curl) -> None:
    rows = 200_000  # past the megabyte from which on curl sends "Expect: 100-continue"
    body = json.dumps({"instances": [1.0] * rows})
    path = "/v1/models/half_plus_three:predict"

    assert [3.5] * rows == curl(path, body)["predictions"]
