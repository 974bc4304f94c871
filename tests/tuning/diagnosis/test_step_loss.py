"""The loss of each step, whatever the sum over the epoch has forgotten."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
from rnnzoo.tuning.diagnosis.step_loss import StepLoss


class Told(keras.callbacks.Callback):
    """Keeps the loss of each step, and what Keras logs."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float | None] = []
        self.logged: list[float] = []
        self.step_loss = StepLoss()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.step_loss.restart()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append(self.step_loss.read(self.model, batch, logs)[1])
        self.logged.append(logs["loss"])


def fit(losses: Sequence[float], *callbacks: Any, epochs: int = 1, rate: float = 0.0, **options: Any) -> Any:
    """Train on batches with these losses, so long as the weight is zero."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False)])
    model.compile(keras.optimizers.SGD(rate), loss="mae", **options)
    y = np.repeat(np.array(losses, np.float32), 8)[:, None]
    return model.fit(
        np.ones_like(y), y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks)
    ).history["loss"]


def test_after_a_huge_loss_one_is_unknown_and_none_is_wrong() -> None:
    told = Told()
    fit([9e8, 5.0, 50.0, 5.0], told, epochs=2)
    assert [9e8, None, 50.0, 5.0, 9e8, 5.0, 50.0, 5.0] == told.losses


def test_losses_of_zero_are_zero() -> None:
    told = Told()
    fit([0.0, 2.0, 0.0, 0.0, 2.0], told)
    assert [0.0, 2.0, None, 0.0, 2.0] == told.losses


def test_a_loss_that_is_not_finite_hides_no_other() -> None:
    told = Told()
    fit([3.0, np.inf, 5.0, 7.0], told)
    assert [3.0, np.inf, 5.0, 7.0] == told.losses


def test_what_keras_logs_is_the_same_to_the_bit() -> None:
    losses = [7e8, *np.random.default_rng(0).uniform(1e-3, 1e3, 9)]
    plain = Told()
    plain.step_loss.read = lambda *_: (1, None)  # type: ignore[method-assign]
    expected = fit(losses, plain, epochs=2, rate=0.1)
    watched, health = Told(), GradientHealth(progress=False)
    assert expected == fit(losses, watched, health, Told(), epochs=2, rate=0.1)
    assert plain.logged == watched.logged
    assert 2 * len(losses) - 1 == len(health.signs.losses)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras says so of all data of unknown size
def test_data_of_unknown_size_end_as_they_would() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False)])
    model.compile(keras.optimizers.SGD(0.0), loss="mae")
    y = np.array([9e8, 5.0, 50.0], np.float32)[:, None]
    data = tf.data.Dataset.from_tensor_slices((np.ones_like(y), y)).filter(lambda *_: True).batch(1)
    told = Told()
    history = model.fit(data, shuffle=False, verbose=0, callbacks=[told])
    assert [9e8, None, 50.0] == told.losses
    assert history.history["loss"] == [pytest.approx(9e8 / 3)]


def test_several_steps_in_one_call_have_their_mean() -> None:
    told = Told()
    fit([9e8, 9e8, 5.0, 6.0, 50.0, 60.0], told, steps_per_execution=2)
    assert [9e8, None, 55.0] == told.losses


def test_who_asks_again_is_told_the_same() -> None:
    model, reader = keras.Sequential(), StepLoss()
    assert (1, 5.0) == reader.read(model, 0, {"loss": 5.0}) == reader.read(model, 0, {"loss": 5.0})
    assert (2, 7.0) == reader.read(model, 2, {"loss": 7.0})
