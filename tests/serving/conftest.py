"""Small SavedModels, a small language model and its export, and a server for each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import keras
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.serving.export import export_model
from rnnzoo.serving.server.process import Server, make_server

WORDS = ("the", "game", "is", "over", "don", "'t", "naïve", "漢字", "stop", ".", ",", "real-time")


class Arithmetic(tf.Module):
    """Anything but a language model: numbers and text, several outputs, a default, a table, a slow loop."""

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = tf.Variable(offset)
        self.weights = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), 0)

    def signatures(self) -> dict[str, Any]:
        def scale(
            x: tf.Tensor,
            factor: tf.Tensor = tf.constant([2.0]),  # noqa: B008 - the default of a signature
        ) -> dict[str, tf.Tensor]:
            return {"scaled": x * factor + self.offset, "negative": -x}

        def spell(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"upper": tf.strings.upper(text), "ids": self.table.lookup(text)}

        def count(n: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"counted": tf.while_loop(lambda i: i < n, lambda i: (i + 1,), (tf.constant(0),))[0]}

        x, factor = (tf.TensorSpec((None,), tf.float32, name=name) for name in ("x", "factor"))
        text = tf.TensorSpec((None,), tf.string, name="text")
        rows = tf.TensorSpec((None, 3), tf.float32, name="rows")
        return {
            "serving_default": tf.function(scale, input_signature=[x, factor]),
            "spell": tf.function(spell, input_signature=[text]),
            "multiply": tf.function(lambda rows: {"product": rows @ self.weights}, input_signature=[rows]),
            "count": tf.function(count, input_signature=[tf.TensorSpec((), tf.int32, name="n")]),
        }


@pytest.fixture(scope="session")
def save_arithmetic() -> Callable[..., None]:
    """Saves the model as a version of a base path."""

    def save(base_path: Path, version: int | str, offset: float = 0.0) -> None:
        module = Arithmetic(offset)
        tf.saved_model.save(module, str(base_path / str(version)), signatures=module.signatures())

    return save


@pytest.fixture(scope="session")
def arithmetic(tmp_path_factory: pytest.TempPathFactory, save_arithmetic: Callable[..., None]) -> Path:
    base_path = tmp_path_factory.mktemp("arithmetic")
    save_arithmetic(base_path, 3)
    return base_path


@pytest.fixture(scope="session")
def arithmetic_server(arithmetic: Path) -> Iterator[Server]:
    server = make_server(arithmetic, port=0, poll_seconds=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def stub(arithmetic_server: Server) -> Iterator[prediction_service_pb2_grpc.PredictionServiceStub]:
    """The stock client of the serving API."""
    with grpc.insecure_channel(arithmetic_server.address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="session")
def language_model() -> LanguageModel:
    keras.utils.set_random_seed(7)
    vocabulary = Vocabulary(["<unk>", "<eos>", *WORDS])
    model = LanguageModel(vocabulary, NetworkConfig(network="lstm", units=12, layers=2))
    for weight in model.trainable_variables:
        # Far from where training starts, so that the context decides which words come next.
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.5))
    return model


@pytest.fixture(scope="session")
def exported(language_model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base path of an export, with version 1."""
    return export_model(language_model, tmp_path_factory.mktemp("exports")).parent


@pytest.fixture(scope="session")
def language_model_server(exported: Path) -> Iterator[Server]:
    server = make_server(exported, port=0, poll_seconds=0)
    server.start()
    yield server
    server.stop()
