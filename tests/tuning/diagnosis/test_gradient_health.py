"""The callback sees what a tape of our own sees, and tells it to files, boards and people."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.diagnosis.signs_file import read_signs

RANDOM = np.random.default_rng(0)
WORDS = RANDOM.integers(0, 8, (40, 6)).astype(np.int32)
NEXT_WORDS = RANDOM.integers(0, 8, (40, 6)).astype(np.int32)


def make_model(optimizer: keras.optimizers.Optimizer | None = None) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.layers.Input((6,), dtype="int32"),
            keras.layers.Embedding(8, 5),
            keras.layers.SimpleRNN(5, activation="relu", return_sequences=True),
            keras.layers.Dense(8),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    return model


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback, epochs: int = 1, verbose: int = 0) -> None:
    model.fit(WORDS, NEXT_WORDS, batch_size=8, epochs=epochs, verbose=verbose, shuffle=False, callbacks=[*callbacks])


class Break(keras.callbacks.Callback):
    """Before step 3, a weight is no number any more."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            self.model.trainable_variables[-1].assign(np.full(8, np.nan))


@pytest.mark.parametrize("clipping", [{}, {"clipnorm": 0.05}, {"clipvalue": 0.01}, {"global_clipnorm": 0.1}])
def test_norms_are_those_of_a_tape_and_of_the_step_that_was_made(clipping: dict[str, float]) -> None:
    """Before clipping: dense gradients of our own. After it: what plain descent took off the weights."""
    twin = make_model()
    with tf.GradientTape() as tape:
        loss = twin.loss(NEXT_WORDS[:8], twin(WORDS[:8], training=True))
    gradients = tape.gradient(loss, twin.trainable_variables)
    norms = [np.linalg.norm(np.asarray(tf.convert_to_tensor(gradient), np.float64)) for gradient in gradients]
    model, health = make_model(keras.optimizers.SGD(0.1, **clipping)), GradientHealth()
    before = [variable.numpy() for variable in model.trainable_variables]
    model.fit(WORDS[:8], NEXT_WORDS[:8], batch_size=8, verbose=0, callbacks=[health])
    sample = health.signs.samples[0]
    assert [variable.path for variable in model.trainable_variables] == list(sample.variables)
    assert norms == pytest.approx([signs.gradient_norm for signs in sample.variables.values()], rel=1e-4)
    assert math.hypot(*norms) == pytest.approx(sample.gradient_norm, rel=1e-4)
    for norm, old, variable in zip(norms, before, model.trainable_variables, strict=True):
        signs = sample.variables[variable.path]
        change = np.linalg.norm(variable.numpy().astype(np.float64) - old)
        larger = max(np.linalg.norm(old), np.linalg.norm(variable.numpy()))
        assert change / 0.1 == pytest.approx(signs.clipped_norm, rel=1e-3)
        assert float(signs.clipped_norm < 0.999 * norm) == signs.clipped
        assert change / larger == pytest.approx(signs.update_ratio, rel=1e-3)
        assert np.linalg.norm(variable.numpy()) == pytest.approx(signs.weight_norm, rel=1e-4)
    assert health.signs.clipped_share == float(bool(clipping))


def test_scaled_losses_have_unscaled_gradients() -> None:
    norms = []
    for optimizer in (keras.optimizers.SGD(0.1), keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))):
        health = GradientHealth()
        fit(make_model(optimizer), health)
        norms.append(health.signs.samples[0].gradient_norm)
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_of_several_steps_in_a_call_the_update_of_the_first_is_told() -> None:
    """Where it only adds up, there is none to tell."""
    inputs, targets = RANDOM.normal(size=(8, 2)), RANDOM.normal(size=8)
    seen: list[GradientHealth] = []
    for often, added in ((1, None), (4, None), (4, 2)):
        keras.utils.set_random_seed(1)
        model = small()
        optimizer = keras.optimizers.Adam(0.1, gradient_accumulation_steps=added)
        model.compile(optimizer, "mse", steps_per_execution=often, jit_compile=False)
        seen.append(GradientHealth())
        model.fit(inputs, targets, batch_size=1, verbose=0, shuffle=False, callbacks=seen[-1:])
    single, several, adding = ([*health.signs.samples[0].variables.values()] for health in seen)
    for expected, actual in zip(single, several, strict=True):
        assert vars(expected) == pytest.approx(vars(actual), rel=1e-5)
    assert [math.nan, math.nan] == pytest.approx([adding[0].clipped_norm, adding[0].update_ratio], nan_ok=True)
    evidence = Evidence.gather(seen[-1].signs)
    assert (None, None) == (evidence.update_ratio, evidence.clipped_share)
    assert () == evidence.non_finite


class OwnOptimizer(keras.Sequential):
    """As models of several losses are written; what they are compiled with never learns."""

    def __init__(self, layers: Any) -> None:
        super().__init__(layers)
        self.own = keras.optimizers.SGD(0.01)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        inputs, targets = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(targets - self(inputs)[:, 0]))
        self.own.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def small(kind: type[keras.Sequential] = keras.Sequential) -> keras.Sequential:
    return kind([keras.layers.Input((2,)), keras.layers.Dense(1)])


def overflowing() -> keras.optimizers.Optimizer:
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), initial_scale=1e38)


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (keras.Sequential, lambda: keras.optimizers.SGD(0.01, gradient_accumulation_steps=4)),
        (keras.Sequential, overflowing),
        (OwnOptimizer, lambda: "rmsprop"),
    ],
)
@pytest.mark.parametrize("is_new", [False, True])
def test_further_fits_count_on(kind: Any, made: Any, is_new: bool, tmp_path: Path) -> None:
    path = tmp_path / "signs.csv"
    model, health = small(kind), GradientHealth(every=1, csv=path)
    model.compile(made(), "mse", jit_compile=False)
    for _ in range(3):
        health = GradientHealth(every=1, csv=path) if is_new else health
        model.fit(np.ones((6, 2)), np.full(6, 100.0), batch_size=1, verbose=0, callbacks=[health])
    assert list(range(1, 19)) == list(read_signs(path).losses)
    assert health.signs.losses == read_signs(path).losses


def test_a_second_stage_goes_on_behind_the_first(tmp_path: Path) -> None:
    """A new optimizer has counted nothing; what is resumed within the stage is found all the same."""
    path = tmp_path / "signs.csv"
    model, health = small(), GradientHealth(csv=path)
    for rate in (0.01, 0.001):
        model.compile(keras.optimizers.SGD(rate), "mse", jit_compile=False)
        model.fit(np.ones((5, 2)), np.ones(5), batch_size=1, verbose=0, callbacks=[health])
    first, second = [*health.signs.losses.values()][:5], [*health.signs.losses.values()][5:]
    assert 5 == len(first) == len(second)
    model.optimizer.iterations.assign(3)
    model.fit(np.ones((1, 2)), np.ones(1), verbose=0, callbacks=[GradientHealth(csv=path)])
    assert [*first, *second[:3]] == [*read_signs(path).losses.values()][:-1]
    assert 9 == max(read_signs(path).losses)


def test_losses_are_those_of_each_step() -> None:
    """With a rate of nothing, each step's loss is that of its batch alone."""
    model, health = make_model(keras.optimizers.SGD(1e-30)), GradientHealth()
    fit(model, health)
    expected = {
        step + 1: float(model.loss(NEXT_WORDS[rows], model(WORDS[rows])))
        for step, rows in enumerate(np.arange(40).reshape(5, 8))
    }
    assert expected == pytest.approx(health.signs.losses, rel=1e-5)


def test_dead_and_saturated_units() -> None:
    inputs = RANDOM.normal(size=(16, 7, 3)).astype(np.float32)
    layer_inputs = keras.layers.Input((7, 3))
    dying = keras.layers.SimpleRNN(4, activation="relu", name="dying")  # it returns its last state only
    swamped = keras.layers.SimpleRNN(4, name="swamped")
    lively = keras.layers.LSTM(4, name="lively")
    head = keras.layers.Dense(1)
    joined = keras.layers.Concatenate()([layer(layer_inputs) for layer in (dying, swamped, lively)])
    model = keras.Model(layer_inputs, head(joined))
    dying.cell.bias.assign([-50.0, -50.0, -50.0, 50.0])
    swamped.cell.bias.assign([30.0, -30.0, 0.0, 0.0])
    model.compile("sgd", "mse", jit_compile=False)
    health = GradientHealth()
    model.fit(inputs, inputs[:, 0, :1], batch_size=16, verbose=0, callbacks=[health])
    layers = health.signs.samples[0].layers
    assert (0.75, 0.0) == (layers["dying"].dead, layers["dying"].saturated)
    assert (0.0, 0.5) == (layers["swamped"].dead, layers["swamped"].saturated)
    assert (0.0, 0.0) == (layers["lively"].dead, layers["lively"].saturated)
    assert layers["dying"].largest > 40
    assert layers["swamped"].largest == pytest.approx(1.0)


def test_the_first_variable_and_step_that_broke_are_named() -> None:
    model, often, seldom = make_model(), GradientHealth(every=1), GradientHealth()
    fit(model, Break(), often)
    found = often.signs.first_non_finite
    assert found is not None
    assert (found.what, found.name, found.step) == ("gradient", model.trainable_variables[0].path, 3)
    assert "was not finite at step 3" in str(found)

    model = make_model()
    fit(model, Break(), seldom)  # step 3 is not sampled: the loss tells
    found = seldom.signs.first_non_finite
    assert found is not None
    assert (found.what, found.step, found.others) == ("weight", 3, 5)


def test_first_steps_and_each_hundredth() -> None:
    health = GradientHealth()
    assert [1, 2, 4, 8, 16, 32, 64, 100, 200, 300] == [step for step in range(1, 400) if health._is_due(step)]


def test_what_was_seen_is_in_the_file_on_the_board_and_in_the_progress_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, board = tmp_path / "new" / "signs.csv", tmp_path / "board"
    health = GradientHealth(every=2, csv=path, tensorboard=board)
    model = make_model(keras.optimizers.SGD(0.1, clipnorm=1e-3))
    fit(model, health, epochs=2, verbose=1)
    samples = health.signs.samples

    assert read_signs(path) == health.signs
    assert sorted(health.signs.losses) == list(range(1, 11))

    shown: dict[str, dict[int, float]] = {}
    for file in board.iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                shown.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    assert {sample.step: sample.gradient_norm for sample in samples} == pytest.approx(shown["gradient_norm"])
    for name in samples[0].variables:
        ratios = {sample.step: sample.variables[name].update_ratio for sample in samples}
        assert ratios == pytest.approx(shown[f"update_ratio/{name}"])
    for name in samples[0].layers:
        assert {sample.step: sample.layers[name].dead for sample in samples} == pytest.approx(shown[f"dead/{name}"])

    line = capsys.readouterr().out
    assert "gradient_norm:" in line
    assert "clipped: 1.0000" in line
    fit(model, GradientHealth(progress=False), verbose=1)
    assert "gradient_norm" not in capsys.readouterr().out


def test_a_step_is_in_the_file_as_soon_as_it_is_over(tmp_path: Path) -> None:
    path, told = tmp_path / "signs.csv", []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            signs = read_signs(path)
            told.append(([*signs.losses], [sample.step for sample in signs.samples]))

    fit(make_model(), GradientHealth(csv=path), Look())
    assert [([1], [1]), ([1, 2], [1, 2]), ([1, 2, 3], [1, 2])] == told[:3]


def test_a_fit_that_died_leaves_nothing_behind() -> None:
    class Die(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            raise InterruptedError

    model, health = make_model(), GradientHealth()
    with pytest.raises(InterruptedError):
        fit(model, health, Die())
    fit(model)
    assert health.signs.samples == []


def test_gradients_that_add_up_are_seen_as_they_are_applied() -> None:
    """The mean of what was added up is clipped, in every second step; nothing is said of the others."""
    inputs, targets = np.ones((8, 3, 2), np.float32), np.repeat([[30.0], [-30.0], [30.0], [10.0]], 2, axis=0)
    layers = [keras.layers.Input((3, 2)), keras.layers.SimpleRNN(3, kernel_initializer="zeros")]
    model = keras.Sequential([*layers, keras.layers.Dense(1, kernel_initializer="zeros")])
    optimizer = keras.optimizers.SGD(1e-3, gradient_accumulation_steps=2, global_clipnorm=1.0)
    model.compile(optimizer, "mse", jit_compile=False)
    health = GradientHealth(every=1)
    model.fit(inputs, targets, batch_size=2, shuffle=False, verbose=0, callbacks=[health])
    cancelled, added = health.signs.samples
    assert (2, 0.0, False) == (cancelled.step, cancelled.gradient_norm, cancelled.clipped)
    assert (4, 40.0, 1.0) == (added.step, pytest.approx(added.gradient_norm), pytest.approx(added.clipped_norm))
    assert all(signs.update_ratio > 0 for signs in added.variables.values() if signs.gradient_norm > 0)
    assert [1, 2, 3, 4] == sorted(health.signs.losses)


def test_a_step_that_must_run_eagerly_is_refused_in_one_sentence() -> None:
    class Eager(keras.Sequential):
        def train_step(self, data: Any) -> Any:
            assert float(tf.reduce_sum(data[0]).numpy()) > 0
            return super().train_step(data)

    model = Eager(make_model().layers)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    with pytest.raises(ValueError, match="must have a train_step that TensorFlow can trace, but that of Eager, which"):
        fit(model, GradientHealth())


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every must be a positive integer, but got every=0"):
        GradientHealth(0)
    with pytest.raises(IsADirectoryError):
        fit(make_model(), GradientHealth(csv=tmp_path))
    wrong = tmp_path / "other.csv"
    wrong.write_text("epoch,loss\n1,2\n")
    with pytest.raises(ValueError, match="its columns must be step,name,measure,value, but are epoch,loss; remove it"):
        fit(make_model(), GradientHealth(csv=wrong))
    assert wrong.read_text() == "epoch,loss\n1,2\n"

    class Still(keras.Sequential):
        def train_step(self, data: Any) -> dict[str, tf.Tensor]:
            return {"loss": tf.constant(1.0)}

    still = Still([keras.layers.Input((2,)), keras.layers.Dense(1)])
    still.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must apply them by a Keras optimizer in its train_step, but Still applied"):
        still.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[GradientHealth()])
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        spread = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        spread.compile("sgd", "mse")
    with pytest.raises(ValueError, match="on one device, but it was to run under MirroredStrategy"):
        spread.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[GradientHealth()])
