"""Training does not know that the callback was there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.vocabulary import Vocabulary
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.diagnosis.signs_file import read_signs
from rnnzoo.tuning.truncated_backpropagation import TruncatedBackpropagation

RANDOM = np.random.default_rng(0)
WORDS = RANDOM.integers(0, 8, (40, 6)).astype(np.int32)
NEXT_WORDS = RANDOM.integers(0, 8, (40, 6)).astype(np.int32)
TOKENS = RANDOM.integers(0, 10, size=200).astype(np.int32)
Weights = list[npt.NDArray[Any]]


def make_model(
    optimizer: keras.optimizers.Optimizer | None = None, dropout: float = 0.0, **options: Any
) -> keras.Model:
    """A Keras model with all that a careless look could disturb: dropout, batch statistics, metrics, an optimizer."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.layers.Input((6,), dtype="int32"),
            keras.layers.Embedding(8, 5),
            keras.layers.SimpleRNN(5, activation="relu", return_sequences=True, dropout=dropout),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(8),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = {"jit_compile": False, **options}
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss=loss, metrics=["accuracy"], **options)
    return model


def make_trainer(jit_compile: bool, loss: str = "full", network: str = "irnn") -> TruncatedBackpropagation:
    keras.utils.set_random_seed(3)
    config = NetworkConfig(network=network, units=6, dropout=0.3, recurrent_dropout=0.2)
    language_model = LanguageModel(Vocabulary(["<unk>", "<eos>", *"abcdefgh"]), config)
    trainer = TruncatedBackpropagation(language_model, 4, loss, samples=5, seed=1, fresh_starts=0.3)
    trainer.compile(keras.optimizers.Adam(0.01, global_clipnorm=0.25), jit_compile=jit_compile)
    return trainer


def fit(model: keras.Model, callbacks: Sequence[keras.callbacks.Callback] = (), epochs: int = 2) -> dict[str, Any]:
    options: dict[str, Any] = {"epochs": epochs, "verbose": 0, "callbacks": list(callbacks)}
    if isinstance(model, TruncatedBackpropagation):
        return model.fit(ContiguousBatches(TOKENS, 4, 6).dataset(), **options).history
    return model.fit(WORDS, NEXT_WORDS, batch_size=8, **options).history


def everything(model: keras.Model) -> Weights:
    """Weights, statistics, seeds, carried states; the optimizer's variables; the metrics'."""
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables, *metrics)]


class PlainStep(keras.Model):
    """A train step as tutorials write them: its log is the step's own loss."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = keras.layers.LSTM(4)
        self.head = keras.layers.Dense(1)
        self.steps = tf.Variable(0, trainable=False)  # Keras knows nothing of it

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.head(self.recurrent(inputs))

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        inputs, targets = data
        self.steps.assign_add(1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(targets - self(inputs, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


MAKERS: dict[str, Callable[[], keras.Model]] = {
    "XLA": lambda: make_model(keras.optimizers.Adam(0.01, clipnorm=0.1), jit_compile=True),
    "three steps in a call": lambda: make_model(steps_per_execution=3),
    "eager": lambda: make_model(run_eagerly=True),
    "Adam, dropout, loss scaling": lambda: make_model(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01, global_clipnorm=0.1)), dropout=0.3
    ),
    "trainer": lambda: make_trainer(jit_compile=False),
    "trainer, sampled, XLA": lambda: make_trainer(jit_compile=True, loss="sampled"),
}


@pytest.mark.parametrize("made", MAKERS)
def test_training_is_the_same_to_the_bit(made: str, tmp_path: Path) -> None:
    """All variables of all owners after two epochs, the logs of both epochs, and what a seedless draw gives next."""
    results = []
    for callbacks in ([], [GradientHealth(every=2, csv=tmp_path / "signs.csv", tensorboard=tmp_path / "board")]):
        model = MAKERS[made]()
        history = fit(model, callbacks)
        results.append((everything(model), history, tf.random.uniform((3,)).numpy().tolist(), np.random.rand()))
    (expected, *rest), (actual, *watched_rest) = results
    for before, after in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(before, after)
    assert rest == watched_rest
    assert len(callbacks[0].signs.samples) >= 3


def test_a_step_of_ones_own_is_the_same_and_its_variables_are_put_back() -> None:
    inputs = RANDOM.normal(size=(24, 5, 2)).astype(np.float32)
    weights, losses = [], []
    for callbacks in ([], [GradientHealth(every=1)]):
        logged: list[float] = []
        log = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, to=logged: to.append(logs["loss"]))
        keras.utils.set_random_seed(3)
        model = PlainStep()
        model.compile(keras.optimizers.RMSprop(0.01), jit_compile=False)
        model(inputs[:1])
        model.fit(inputs, inputs[:, 0, :1], batch_size=8, epochs=2, verbose=0, callbacks=[*callbacks, log])
        weights.append(everything(model))
        losses.append(logged)
        assert int(model.steps) == 6
    for before, after in zip(*weights, strict=True):
        np.testing.assert_array_equal(before, after)
    assert losses[0] == losses[1]
    assert list(callbacks[0].signs.losses.values()) == losses[1]


def test_no_step_is_traced_anew() -> None:
    class Counted(keras.Sequential):
        traces = 0

        def train_step(self, data: Any) -> Any:
            type(self).traces += 1
            return super().train_step(data)

    model = Counted([keras.layers.Input((6, 1)), keras.layers.SimpleRNN(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    inputs = np.ones((32, 6, 1), np.float32)
    model.fit(inputs, inputs[:, 0], batch_size=8, verbose=0)
    alone = Counted.traces
    model.fit(inputs, inputs[:, 0], batch_size=8, epochs=5, verbose=0, callbacks=[GradientHealth(every=1)])
    assert Counted.traces == alone + 1  # the look aside


def test_a_resumed_run_goes_on_where_its_iterations_are(tmp_path: Path) -> None:
    path = tmp_path / "signs.csv"
    whole = make_trainer(jit_compile=False)
    fit(whole, [GradientHealth(every=3, csv=path)])
    expected, text = read_signs(path), path.read_text()
    steps = len(expected.losses) // 2

    # The first part runs on beyond its checkpoint, at step 4, before it dies.
    first = make_trainer(jit_compile=False)
    kept: list[Weights] = []

    class Die(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 3:
                kept.append(everything(self.model))
            if batch == 6:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(first, [GradientHealth(every=3, csv=path), Die()])

    class Restore(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 0:
                metrics = [variable for metric in second.metrics for variable in metric.variables]
                owners = (*second.variables, *second.optimizer.variables, *metrics)
                for variable, value in zip(owners, kept[0], strict=True):
                    variable.assign(value)

    second = make_trainer(jit_compile=False)
    second.optimizer.build(second.trainable_variables)
    second.batches_to_skip = 4
    health = GradientHealth(every=3, csv=path)
    fit(second, [Restore(), health])
    for before, after in zip(everything(whole), everything(second), strict=True):
        np.testing.assert_array_equal(before, after)
    assert 2 * steps == len(health.signs.losses)
    assert [sample.step for sample in expected.samples] == [sample.step for sample in health.signs.samples]
    assert list(expected.losses.values()) == pytest.approx(list(health.signs.losses.values()), rel=1e-6)
    assert len(text.splitlines()) == len(path.read_text().splitlines())
