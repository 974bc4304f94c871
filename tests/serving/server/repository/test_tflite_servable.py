"""TensorFlow Lite models, as TensorFlow converts them, behind the same calls."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from predicting import predict
from tensorflow_serving.apis import predict_pb2

from rnnzoo.serving.server.repository.loading import load_servable
from rnnzoo.serving.server.repository.repository import Repository
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.repository.tflite_servable import TfliteServable
from rnnzoo.serving.server.status import Code, StatusError


class Sums(tf.Module):
    @tf.function(
        input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x"), tf.TensorSpec([None, 3], tf.float32, name="y")]
    )
    def add(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": x + 2 * y, "difference": x - y}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def square(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"squared": x * x}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version with a SavedModel and its conversion."""
    folder, module = tmp_path_factory.mktemp("lite") / "1", Sums()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.add, "square": module.square})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=["serving_default", "square"])
    (folder / "model.tflite").write_bytes(converter.convert())
    return folder


def request(signature: str = "", **inputs: object) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest(model_spec={"name": "lite", "signature_name": signature})
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def repository(folder: Path) -> Repository:
    return Repository({"lite": folder.parent}, TfliteServable)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_answers_are_those_of_the_saved_model(folder: Path, rows: int) -> None:
    x, y = np.random.default_rng(1).random((2, rows, 3), np.float32)
    expected = tf.saved_model.load(str(folder)).signatures["serving_default"](x=tf.constant(x), y=tf.constant(y))

    answer = predict(repository(folder), request(x=x, y=y))

    for name in ("sum", "difference"):
        np.testing.assert_allclose(expected[name].numpy(), tf.make_ndarray(answer.outputs[name]), rtol=1e-6)


def test_several_signatures(folder: Path) -> None:
    served = repository(folder)

    assert [4.0, 9.0] == list(predict(served, request("square", x=[2.0, 3.0])).outputs["squared"].float_val)
    with pytest.raises(StatusError, match='Serving signature key "cube" not found'):
        predict(served, request("cube", x=[2.0]))


def test_what_does_not_fit(folder: Path) -> None:
    served = repository(folder)

    with pytest.raises(StatusError) as caught:
        predict(served, request(x=np.ones((2, 4), np.float32), y=np.ones((2, 3), np.float32)))
    assert Code.INVALID_ARGUMENT == caught.value.code
    with pytest.raises(StatusError, match="Expects arg"):
        predict(served, request("square", x=["text"]))
    assert [4.0] == list(predict(served, request("square", x=[2.0])).outputs["squared"].float_val)


def test_a_model_without_signatures(folder: Path, tmp_path: Path) -> None:
    module = Sums()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.square.get_concrete_function()])
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.tflite").write_bytes(converter.convert())
    served = Repository({"lite": tmp_path}, TfliteServable)
    with served.lease("lite") as servable:
        signature = servable.signatures["serving_default"]
    (name,) = signature.inputs

    answer = predict(served, request(**{name: [2.0, 3.0]}))

    (output,) = answer.outputs.values()
    assert [4.0, 9.0] == list(output.float_val)


def test_it_is_taken_where_it_is_preferred_and_there(folder: Path, arithmetic: Path) -> None:
    assert isinstance(load_servable("lite", 1, folder, prefer_tflite_model=True), TfliteServable)
    assert not isinstance(load_servable("lite", 1, folder), TfliteServable)
    other = load_servable("m", 3, arithmetic / "3", prefer_tflite_model=True)
    assert isinstance(other, Servable)
    assert "spell" in other.signatures


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"nothing of the kind")

    with pytest.raises(ValueError, match=r"model\.tflite must be a TensorFlow Lite model, but got in"):
        load_servable("lite", 1, tmp_path, prefer_tflite_model=True)


def test_a_model_that_was_unloaded_says_so(folder: Path) -> None:
    servable = TfliteServable("lite", 1, folder)
    servable.close()
    signature = servable.signatures["square"]

    with pytest.raises(StatusError, match=r"^the model has been unloaded\.$") as caught:
        servable.run({signature.inputs["x"].name: np.ones(1, np.float32)}, [signature.outputs["squared"].name])

    assert Code.UNAVAILABLE == caught.value.code
