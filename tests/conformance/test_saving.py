"""Saved here, loaded elsewhere: `.keras` files, weights files and SavedModels answer as the layer did."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance.measuring import random_inputs
from conformance.networks import DIFFERENT, FEATURES, NETWORKS, Network, names

ELSEWHERE = """
import pathlib, sys
import keras, numpy
import rnnzoo.models.layers

folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.glob("*.keras")):
    model = keras.models.load_model(path)
    numpy.save(path.with_suffix(".npy"), model(numpy.load(folder / "inputs" / "inputs.npy")))
"""


def model_of(network: Network, weights_seed: int = 0) -> keras.Model:
    sequence = keras.Input((None, FEATURES), name="sequence")
    return keras.Model(sequence, network.build(weights_seed=weights_seed, return_sequences=True)(sequence))


@pytest.fixture(scope="module")
def answers_from_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every network saved to a `.keras` file by this process and answered by another one; starting one is slow."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "inputs").mkdir()
    np.save(folder / "inputs" / "inputs.npy", random_inputs())
    for network in NETWORKS:
        model_of(network).save(folder / f"{network.name}.keras")
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(folder)], check=True, capture_output=True, text=True)
    return folder


@pytest.mark.parametrize(**names(NETWORKS))
def test_keras_file_answers_in_another_process(network: Network, answers_from_elsewhere: Path) -> None:
    expected = model_of(network)(random_inputs())
    np.testing.assert_allclose(np.load(answers_from_elsewhere / f"{network.name}.npy"), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(**names(NETWORKS))
def test_weights_file_moves_into_another_layer(network: Network, tmp_path: Path) -> None:
    model, other = model_of(network), model_of(network, weights_seed=7)
    expected = model(random_inputs()).numpy()
    assert np.abs(expected - other(random_inputs())).max() > 1e-3
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(expected, other(random_inputs()))


@pytest.mark.parametrize(**names(DIFFERENT))
def test_saved_model_serves(network: Network, tmp_path: Path) -> None:
    """Any batch size, any length, and no op that needs rnnzoo to be there."""
    model = model_of(network)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call, [tf.TensorSpec((None, None, FEATURES), tf.float32, name="sequence")])
    archive.write_out(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "exported"))
    for batch, time in ((1, 3), (5, 8)):
        inputs = random_inputs(batch=batch, time=time)
        np.testing.assert_allclose(served.serve(inputs), model(inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(**names(NETWORKS))
def test_configuration_round_trip(network: Network) -> None:
    """Through JSON, as a `.keras` file writes it; with everything that may be configured away from its default."""
    layer = network.build(
        dropout=0.1,
        recurrent_dropout=0.2,
        seed=3,
        return_sequences=True,
        go_backwards=True,
        zero_output_for_mask=True,
        kernel_initializer=keras.initializers.RandomUniform(-0.3, 0.3),
        dtype="mixed_bfloat16",
        name="chosen",
    )
    config = layer.get_config()
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    restored = keras.saving.deserialize_keras_object(written)
    assert type(layer) is type(restored)
    assert config == restored.get_config()
    assert "chosen" == restored.name
    assert "mixed_bfloat16" == restored.cell.dtype_policy.name
    restored.build((None, None, FEATURES))
    restored.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(random_inputs()), restored(random_inputs()))


@pytest.mark.parametrize(**names(NETWORKS))
def test_cell_round_trip(network: Network) -> None:
    layer = network.build()
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(keras.layers.RNN(layer.cell))))
    restored = keras.saving.deserialize_keras_object(written)
    assert type(layer.cell) is type(restored.cell)
    restored.build((None, None, FEATURES))
    for copy, weight in zip(restored.cell.weights, layer.cell.weights, strict=True):
        copy.assign(weight)
    np.testing.assert_allclose(restored(random_inputs()), layer(random_inputs()), rtol=1e-5, atol=1e-6)
