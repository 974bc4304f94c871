"""A Keras model of a user's own, and a search over it: nothing of the zoo."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from rnnzoo.tuning.search import Divergence, GridSearch, GuardedTuner

__all__ = ["EPOCHS", "OwnModel", "search_over"]

EPOCHS = 4
_rng = np.random.default_rng(0)
X = np.tile(_rng.normal(size=(8, 3)).astype(np.float32), (8, 1))  # all batches are alike
Y = (X @ np.array([[1.0], [-2.0], [0.5]], np.float32)).astype(np.float32)


class OwnModel(keras_tuner.HyperModel):
    """A regression with dropout and momentum, over learning rates."""

    def __init__(self, rates: tuple[float, ...] = (0.05, 0.02)) -> None:
        super().__init__()
        self.rates = rates
        self.batches: list[int] = []

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        keras.utils.set_random_seed(1)
        rate = hp.Choice("rate", list(self.rates), ordered=False)
        model = keras.Sequential([keras.layers.Dense(32), keras.layers.Dropout(0.1), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(rate, momentum=0.5), loss="mse", metrics=["mae"])
        return model

    def fit(self, hp: Any, model: keras.Model, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        self.batches.append(0)
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: self._count())
        return model.fit(*args, callbacks=[*callbacks, count], **kwargs)

    def _count(self) -> None:
        self.batches[-1] += 1


def search_over(hypermodel: keras_tuner.HyperModel, folder: Path, **options: Any) -> GuardedTuner:
    """Search the whole grid."""
    kwargs = {"objective": "val_loss", "divergence": Divergence(bound=1e3), **options}
    tuner = GridSearch(hypermodel, directory=folder, project_name="search", max_trials=9, **kwargs)
    tuner.search(X, Y, validation_data=(X, Y), epochs=EPOCHS, batch_size=8, shuffle=False, verbose=0)
    return tuner
