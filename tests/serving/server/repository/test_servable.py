"""SavedModels of both TensorFlows load and run in a session."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from rnnzoo.serving.server.repository.servable import Servable, read_meta_graph
from rnnzoo.serving.server.status import Code, StatusError


def test_runs_by_tensor_name(arithmetic: Path) -> None:
    servable = Servable("default", 3, arithmetic / "3")
    signature = servable.signatures["multiply"]
    feeds = {signature.inputs["rows"].name: np.ones((2, 3), np.float32)}

    (product,) = servable.run(feeds, [signature.outputs["product"].name])

    np.testing.assert_array_equal([[9, 12], [9, 12]], product)


def test_a_failing_op_speaks_for_itself(arithmetic: Path) -> None:
    servable = Servable("default", 3, arithmetic / "3")
    signature = servable.signatures["multiply"]

    with pytest.raises(StatusError, match=r"^Matrix size-incompatible: In\[0\]: \[1,4\], In\[1\]: \[3,2\]") as caught:
        servable.run({signature.inputs["rows"].name: np.ones((1, 4), np.float32)}, [signature.outputs["product"].name])

    assert Code.INVALID_ARGUMENT == caught.value.code
    assert "defined at" not in caught.value.message


def test_a_tensor_that_is_not_there(arithmetic: Path) -> None:
    servable = Servable("default", 3, arithmetic / "3")
    signature = servable.signatures["multiply"]
    rows, product = signature.inputs["rows"].name, signature.outputs["product"].name

    with pytest.raises(StatusError, match=r"^FetchOutputs node no_such:0: not found$") as caught:
        servable.run({rows: np.ones((2, 3), np.float32)}, ["no_such:0"])
    assert Code.NOT_FOUND == caught.value.code
    with pytest.raises(StatusError, match=r"^FeedInputs: unable to find feed output no_such:0$"):
        servable.run({"no_such:0": np.ones((2, 3), np.float32)}, [product])


def test_a_run_ends_at_its_timeout(arithmetic: Path) -> None:
    servable = Servable("default", 3, arithmetic / "3")
    signature = servable.signatures["count"]

    with pytest.raises(StatusError) as caught:
        servable.run({signature.inputs["n"].name: np.int32(10**9)}, [signature.outputs["counted"].name], timeout=0.2)

    assert Code.DEADLINE_EXCEEDED == caught.value.code


def test_a_model_of_tensorflow_1_with_an_asset(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("zero\none\ntwo\n", encoding="utf-8")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        text = tf.compat.v1.placeholder(tf.string, (None,), name="text")
        table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            ),
            num_oov_buckets=1,
        )
        weight = tf.compat.v1.get_variable("weight", initializer=tf.constant([10, 11, 12, 13]), use_resource=True)
        session.run([tf.compat.v1.global_variables_initializer(), tf.compat.v1.tables_initializer()])
        builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "1"))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            {
                "serving_default": tf.compat.v1.saved_model.predict_signature_def(
                    {"text": text}, {"weights": tf.gather(weight, table.lookup(text)), "echo": text}
                )
            },
            assets_collection=tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS),
            main_op=tf.compat.v1.tables_initializer(),
        )
        builder.save()
    words.unlink()

    servable = Servable("old", 1, tmp_path / "1")
    signature = servable.signatures["serving_default"]
    weights, echo = servable.run(
        {signature.inputs["text"].name: np.array([b"two", b"ten"], object)},
        [signature.outputs["weights"].name, signature.outputs["echo"].name],
    )

    assert [12, 13] == weights.tolist()
    assert [b"two", b"ten"] == echo.tolist()


def test_a_text_saved_model(arithmetic: Path, tmp_path: Path) -> None:
    saved_model = saved_model_pb2.SavedModel.FromString((arithmetic / "3" / "saved_model.pb").read_bytes())
    (tmp_path / "saved_model.pbtxt").write_text(str(saved_model), encoding="utf-8")

    assert "spell" in read_meta_graph(tmp_path).signature_def


def test_what_is_no_saved_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a version's folder must hold saved_model.pb"):
        Servable("default", 1, tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"not a protobuf")
    with pytest.raises(ValueError, match=r"saved_model.pb must be a SavedModel, but got"):
        Servable("default", 1, tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(saved_model_pb2.SavedModel().SerializeToString())
    with pytest.raises(ValueError, match=r"must have a graph tagged 'serve', but got tags=\[\]"):
        Servable("default", 1, tmp_path)


def test_half_a_saved_model(arithmetic: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes((arithmetic / "3" / "saved_model.pb").read_bytes())

    with pytest.raises(ValueError, match=r"the SavedModel in .* must load, but got"):
        Servable("default", 1, tmp_path)


def test_an_op_that_quotes_bytes_which_are_no_text(tmp_path: Path) -> None:
    number = tf.function(
        lambda text: {"number": tf.strings.to_number(text)},
        input_signature=[tf.TensorSpec((None,), tf.string, name="text")],
    )
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=number)
    servable = Servable("default", 1, tmp_path)
    signature = servable.signatures["serving_default"]

    with pytest.raises(StatusError, match=r"^StringToNumberOp could not correctly convert string: \ufffda") as caught:
        servable.run({signature.inputs["text"].name: np.array([b"\xffa"], object)}, [signature.outputs["number"].name])

    assert Code.INVALID_ARGUMENT == caught.value.code


def test_sparse_tensors_are_not_served(arithmetic: Path) -> None:
    servable = Servable("default", 3, arithmetic / "3")
    nameless = ""  # as `TensorInfo.name` is beside `coo_sparse`
    for feeds, fetches in (({nameless: np.zeros(1)}, ["values:0"]), ({}, [nameless])):
        with pytest.raises(
            StatusError, match=r"a tensor of a signature must be dense, but got a sparse one\."
        ) as caught:
            servable.run(feeds, fetches)
        assert Code.UNIMPLEMENTED == caught.value.code


def test_a_model_without_variables(tmp_path: Path) -> None:
    module = tf.Module()
    double = tf.function(lambda x: {"doubled": 2 * x}, input_signature=[tf.TensorSpec((), tf.int32, name="x")])
    tf.saved_model.save(module, str(tmp_path), signatures=double)

    servable = Servable("default", 1, tmp_path)
    signature = servable.signatures["serving_default"]

    assert [8] == servable.run({signature.inputs["x"].name: np.int32(4)}, [signature.outputs["doubled"].name])
