"""Optimizers on sparse gradients: the rows named, and no others."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.language_task import make_trainer
from rnnzoo.tuning.optimization import optimizers
from rnnzoo.tuning.optimization.sparse_gradients import merge_repeated_rows
from rnnzoo.tuning.training_config import TrainingConfig

ROWS = 6


def sparse(indices: list[int], seed: int) -> tf.IndexedSlices:
    values = tf.random.stateless_normal((len(indices), 3), seed=(seed, 1))
    return merge_repeated_rows(tf.IndexedSlices(values, tf.constant(indices), tf.constant([ROWS, 3])))


def after_steps(optimizer: keras.optimizers.Optimizer, gradients: list[Any]) -> np.ndarray:
    weights = keras.Variable(tf.reshape(tf.range(3.0 * ROWS), (ROWS, 3)))
    optimizer.build([weights])
    for gradient in gradients:
        optimizer.apply([gradient])
    return weights.numpy()


@pytest.mark.parametrize("name", ["_clip_gradients", "_all_reduce_sum_gradients"])
def test_a_keras_that_would_not_call_ours_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in keras.optimizers.Optimizer.__mro__:
        if name in vars(kind):
            monkeypatch.delattr(kind, name)
    with pytest.raises(ImportError, match=f"rnnzoo needs a Keras whose optimizers have {name}, but got"):
        runpy.run_path(optimizers.__file__)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("clipping", [{}, {"clipnorm": 0.5}, {"clipvalue": 0.1}, {"global_clipnorm": 0.5}])
def test_equals_keras_where_every_row_comes(name: str, clipping: dict[str, float]) -> None:
    steps = [sparse([3, 1, 0, 2, 5, 4, 1, 1], seed) for seed in range(4)]
    expected = after_steps(getattr(keras.optimizers, name)(0.1, **clipping), [tf.convert_to_tensor(s) for s in steps])
    np.testing.assert_allclose(
        after_steps(getattr(optimizers, name)(0.1, **clipping), steps), expected, rtol=2e-6, atol=2e-6
    )


@settings(max_examples=15)
@given(steps=st.lists(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=8), min_size=1, max_size=4))
def test_adam_treats_each_row_as_if_it_were_alone(steps: list[list[int]]) -> None:
    """A row that does not come keeps its weights and its moments; with the bias corrections of the global step."""
    gradients = [sparse(indices, seed) for seed, indices in enumerate(steps)]
    expected = np.arange(3.0 * ROWS).reshape(ROWS, 3)
    momentum, velocity = np.zeros((2, ROWS, 3))
    for step, (indices, gradient) in enumerate(zip(steps, gradients, strict=True), start=1):
        dense = tf.convert_to_tensor(gradient).numpy().astype(np.float64)
        for row in set(indices):
            momentum[row] += 0.1 * (dense[row] - momentum[row])
            velocity[row] += 0.001 * (dense[row] ** 2 - velocity[row])
            rate = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            expected[row] -= rate * momentum[row] / (np.sqrt(velocity[row]) + 1e-7)
    np.testing.assert_allclose(after_steps(optimizers.Adam(0.1), gradients), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("clipping", [{}, {"clipnorm": 0.5}])
def test_a_row_that_comes_in_pieces_is_one_row(name: str, clipping: dict[str, float]) -> None:
    """As the gradients of any Keras model are in which an id comes twice in a batch."""
    values = tf.constant([[1.0] * 3, [-3.0] * 3, [0.5] * 3])
    pieces = tf.IndexedSlices(values, tf.constant([2, 2, 4]), tf.constant([ROWS, 3]))
    made = [getattr(optimizers, name)(0.1, **clipping) for _ in range(2)]
    np.testing.assert_array_equal(after_steps(made[0], [merge_repeated_rows(pieces)]), after_steps(made[1], [pieces]))


def test_vectors_and_tables_of_numbers_alike() -> None:
    bias = keras.Variable(tf.ones(4))
    optimizer = optimizers.Adam(0.1)
    optimizer.build([bias])
    optimizer.apply([tf.IndexedSlices(tf.ones(2), tf.constant([1, 3]), tf.constant([4]))])
    np.testing.assert_allclose([1.0, 0.9, 1.0, 0.9], bias.numpy(), rtol=1e-5)


def test_dense_gradients_are_kerass() -> None:
    dense = [tf.random.stateless_normal((ROWS, 3), seed=(step, 0)) for step in range(3)]
    expected = after_steps(keras.optimizers.Adam(0.1), dense)
    np.testing.assert_array_equal(expected, after_steps(optimizers.Adam(0.1), dense))


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_weight_decay_shrinks_every_row_by_its_share_of_the_rate(name: str) -> None:
    training = TrainingConfig(optimizer=name, learning_rate=0.5, weight_decay=0.01, global_clipnorm=None)
    plain = after_steps(optimizers.make_optimizer(replace(training, weight_decay=None)), [sparse([1, 4], 0)])
    decayed = after_steps(optimizers.make_optimizer(training), [sparse([1, 4], 0)])
    before = np.arange(3.0 * ROWS).reshape(ROWS, 3)
    np.testing.assert_allclose(before * 0.5 * 0.01, plain - decayed, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("clipping", [{}, {"clipnorm": 0.5}, {"weight_decay": 0.01}])
def test_sgd_around_adam_is_keras_sgd_and_keras_adam(clipping: dict[str, float]) -> None:
    vectors, kernel = (keras.Variable(tf.ones((ROWS, 3)), name=name) for name in ("vectors", "kernel"))
    optimizer = optimizers.SGDAroundAdam(2.0, adam_share=0.05, adam_paths=["kernel"], **clipping)
    optimizer.build([vectors, kernel])
    alone = [keras.Variable(tf.ones((ROWS, 3))) for _ in range(2)]
    expected = [keras.optimizers.SGD(2.0, **clipping), keras.optimizers.Adam(0.1, **clipping)]
    for theirs, weights in zip(expected, alone, strict=True):
        theirs.build([weights])
    for step in range(4):
        if step == 2:  # both follow a schedule
            optimizer.learning_rate = 1.0
            expected[0].learning_rate, expected[1].learning_rate = 1.0, 0.05
        gradients = [sparse([0, 4, 4, 2], step), tf.random.stateless_normal((ROWS, 3), seed=(step, 9))]
        optimizer.apply(gradients)
        for theirs, gradient in zip(expected, gradients, strict=True):
            theirs.apply([tf.convert_to_tensor(gradient)])
    np.testing.assert_allclose(vectors.numpy(), alone[0].numpy(), rtol=1e-5)
    if "weight_decay" in clipping:  # of the whole at SGD's rate
        assert np.all(kernel.numpy() < alone[1].numpy())
    else:
        np.testing.assert_allclose(kernel.numpy(), alone[1].numpy(), rtol=1e-5)


def test_sgd_around_adam_goes_on_from_its_variables() -> None:
    def made() -> tuple[keras.Variable, keras.optimizers.Optimizer]:
        kernel = keras.Variable(tf.ones(3), name="kernel")
        optimizer = optimizers.SGDAroundAdam(1.0, adam_share=0.1, adam_paths=["kernel"])
        optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        optimizer.build([kernel])
        return kernel, optimizer

    gradient = tf.constant([1.0, -2.0, 0.5])
    kernel, optimizer = made()
    optimizer.apply([gradient])
    resumed_kernel, resumed = made()
    for mine, theirs in zip([resumed_kernel, *resumed.variables], [kernel, *optimizer.variables], strict=True):
        mine.assign(theirs)
    for one in (optimizer, resumed):
        one.apply([gradient / 3])
    np.testing.assert_array_equal(kernel.numpy(), resumed_kernel.numpy())


def test_a_loaded_model_has_the_same_variables_with_adam(tmp_path: Path) -> None:
    layers = [keras.layers.Embedding(5, 3), keras.layers.SimpleRNN(3, name="layer"), keras.layers.Dense(5)]
    model = keras.Sequential([keras.Input((4,), dtype="int32"), *layers])
    paths = [variable.path for variable in layers[1].trainable_variables]
    optimizer = optimizers.SGDAroundAdam(0.5, adam_share=0.01, adam_paths=paths)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    inputs, targets = np.arange(20).reshape(5, 4) % 5, np.arange(5)
    model.fit(inputs, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [variable.path for variable in loaded.layers[1].trainable_variables] == loaded.optimizer.adam_paths
    for one in (model, loaded):
        one.fit(inputs, targets, shuffle=False, verbose=0)
    for mine, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_a_file_that_knows_no_places_still_loads() -> None:
    """It was written in a process that had made other models."""
    layer = keras.layers.GRU(2, name="upper")
    layer.build((None, None, 3))
    paths = [variable.path.replace("gru_cell", "gru_cell_77") for variable in layer.trainable_variables]
    config = optimizers.SGDAroundAdam(1.0, adam_share=0.1, adam_paths=paths).get_config()
    del config["adam_places"]
    loaded = optimizers.SGDAroundAdam.from_config(config)
    loaded.build([keras.Variable(tf.ones(2), name="vectors"), *layer.trainable_variables])
    assert [1, 2, 3] == loaded.adam_places


def test_paths_of_nothing_are_refused() -> None:
    optimizer = optimizers.SGDAroundAdam(1.0, adam_share=0.1, adam_paths=["kernel"])
    with pytest.raises(ValueError, match=r"adam_paths must be of the variables vectors, but got kernel\."):
        optimizer.build([keras.Variable(tf.ones(2), name="vectors")])


def test_the_recurrent_layers_are_adams_and_nothing_else() -> None:
    training = TrainingConfig(optimizer="sgd", learning_rate=10.0, recurrent_learning_rate=0.002)
    network = NetworkConfig(network="simple_rnn_tanh", units=4, layers=2, normalization="layer")
    trainer = make_trainer(network, training, Vocabulary(["<unk>", "<eos>", "word"]))
    model = trainer.language_model
    layers = {variable.path for layer in model.recurrent_layers for variable in layer.weights}
    assert layers == set(trainer.optimizer.adam_paths)
    others = {variable.path for variable in trainer.trainable_variables} - layers
    assert {model.embedding.embeddings.path, model.output_bias.path} == others
    assert 10.0 == float(trainer.optimizer.learning_rate)
    assert 0.002 == pytest.approx(10.0 * trainer.optimizer.adam_share)
