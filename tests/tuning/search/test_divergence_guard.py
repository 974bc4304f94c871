"""How a trial ends that diverged."""

import math
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from rnnzoo.tuning.search.divergence import Divergence, DivergenceError
from rnnzoo.tuning.search.divergence_guard import DivergenceGuard, examine

LOSS = keras_tuner.Objective("val_loss", "min")


def history(**values: list[float]) -> keras.callbacks.History:
    recorded = keras.callbacks.History()
    recorded.epoch = list(range(len(next(iter(values.values())))))
    recorded.history = values
    return recorded


def guard(divergence: Divergence, *, epochs: int, steps: int | None, epoch: int = 0, **options: int) -> DivergenceGuard:
    """As it is when `fit` begins with an epoch."""
    callback = DivergenceGuard(divergence, LOSS, **options)
    callback.set_model(keras.Sequential())  # which keeps no mean loss: the logs tell that of each step
    callback.set_params({"epochs": epochs, "steps": steps})
    callback.on_train_begin()
    callback.on_epoch_begin(epoch)
    return callback


@pytest.mark.parametrize(
    ("results", "progress"),
    [
        (math.nan, 0.0),
        ({"val_loss": math.inf}, 0.0),
        ([{"val_loss": 1.0}, {"val_loss": 99.0}], 0.0),
        ({"val_loss": [1.0, math.nan]}, 0.0),
        (history(loss=[1.0, math.nan], val_loss=[1.0, 1.0]), 1.0),
        ([history(val_loss=[99.0, 1.0, 1.0, 1.0])], 0.25),
    ],
)
def test_unhealthy_results_are_found_whatever_fit_returns(results: Any, progress: float) -> None:
    with pytest.raises(DivergenceError) as raised:
        examine(results, Divergence(bound=20.0), LOSS)
    assert progress == raised.value.progress


@pytest.mark.parametrize(
    "results", [1.0, {"val_loss": 1.0}, {"val_loss": [21.0, 1.0]}, [history(loss=[2.0], val_loss=[1.0])], None]
)
def test_healthy_results_pass(results: Any) -> None:
    examine(results, Divergence(bound=20.0), LOSS)


def test_the_guard_says_when_and_how_far() -> None:
    callback = guard(Divergence(bound=20.0), epochs=4, steps=10)
    callback.on_train_batch_end(0, {"loss": 5.0})
    callback.on_epoch_end(0, {"loss": 5.0, "val_loss": 6.0})
    callback.on_epoch_begin(1)
    with pytest.raises(DivergenceError, match=r"^loss is nan in epoch 2, step 5$") as raised:
        callback.on_train_batch_end(4, {"loss": math.nan})
    assert 0.375 == raised.value.progress


def test_progress_counts_from_before_an_interruption() -> None:
    callback = guard(Divergence(bound=20.0), epochs=9, steps=10, epoch=5, first_epoch=1)
    with pytest.raises(DivergenceError) as raised:
        callback.on_train_batch_end(9, {"loss": math.inf})
    assert 5 / 8 == raised.value.progress


def test_progress_counts_from_the_epoch_that_fit_began_with() -> None:
    callback = guard(Divergence(bound=20.0), epochs=9, steps=None, epoch=3)
    with pytest.raises(DivergenceError) as raised:
        callback.on_train_batch_end(7, {"loss": math.inf})
    assert 0.0 == raised.value.progress
    callback.on_epoch_begin(5)
    with pytest.raises(DivergenceError, match="val_loss is inf after epoch 6") as raised:
        callback.on_epoch_end(5, {"loss": 1.0, "val_loss": math.inf})
    assert 0.5 == raised.value.progress


def test_progress_counts_the_executions_before() -> None:
    callback = guard(Divergence(bound=20.0), epochs=4, steps=10, execution=1, executions=2)
    with pytest.raises(DivergenceError) as raised:
        callback.on_train_batch_end(3, {"loss": math.nan})
    assert (4 + 0.4) / 8 == raised.value.progress


def test_losses_that_stay_above_the_bound_end_a_trial() -> None:
    callback = guard(Divergence(bound=20.0, steps=4), epochs=1, steps=100)
    for step, loss in enumerate([5.0, 21.0, 1e9, 30.0, 19.0, 21.0, 22.0, 23.0]):  # never four in a row
        callback.on_train_batch_end(step, {"loss": loss})
    with pytest.raises(DivergenceError, match=r"^loss is 24, above 20 for 4 steps in epoch 1, step 9$"):
        callback.on_train_batch_end(8, {"loss": 24.0})


def test_steps_that_keras_runs_together_count_each() -> None:
    callback = guard(Divergence(bound=20.0, steps=4), epochs=1, steps=100)
    callback.on_train_batch_end(2, {"loss": 21.0})
    with pytest.raises(DivergenceError, match="above 20 for 6 steps in epoch 1, step 6"):
        callback.on_train_batch_end(5, {"loss": 21.0})


def test_steps_above_the_bound_count_beyond_the_end_of_an_epoch() -> None:
    callback = guard(Divergence(bound=20.0, steps=4), epochs=2, steps=3)
    for step in range(3):
        callback.on_train_batch_end(step, {"loss": 21.0})
    callback.on_epoch_end(0, {"loss": 21.0, "val_loss": 19.0})
    callback.on_epoch_begin(1)
    with pytest.raises(DivergenceError, match="for 4 steps in epoch 2, step 1"):
        callback.on_train_batch_end(0, {"loss": 21.0})


def test_a_loss_that_is_unknown_comes_back_from_nowhere() -> None:
    callback = guard(Divergence(bound=20.0, steps=2), epochs=1, steps=100)
    callback.on_train_batch_end(0, {"loss": 21.0})
    callback.on_train_batch_end(1, {})
    with pytest.raises(DivergenceError, match="for 2 steps in epoch 1, step 3"):
        callback.on_train_batch_end(2, {"loss": 21.0})


class Swung(keras.callbacks.Callback):
    """Makes the first step of each epoch a very bad one."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.set_weights([np.full((1, 1), 1e6, np.float32)])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 0:
            self.model.set_weights([np.zeros((1, 1), np.float32)])


def test_a_bad_start_ends_no_trial_though_the_mean_remembers_it() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    callbacks = [Swung(), DivergenceGuard(Divergence(bound=2.0, steps=2), LOSS)]
    ones = np.ones((12, 1), np.float32)
    history = model.fit(ones, ones, batch_size=1, epochs=2, verbose=0, callbacks=callbacks)
    assert all(loss > 1e9 for loss in history.history["loss"])
