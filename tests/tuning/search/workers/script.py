"""A script as users write them. Its trials train nothing: each says that it began, and waits to be let go."""

import os
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from rnnzoo.tuning.search import Divergence, RandomSearch


class Waiting(keras_tuner.HyperModel):
    """A trial leaves a file named after its value and its process, and ends once there is a file called go."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> float:
        (self.folder / f"{hp['x']!r} {os.getpid()}").touch()
        deadline = time.monotonic() + 300
        while not (self.folder / "go").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("nobody let this trial go.")
            time.sleep(0.05)
        return float(hp["x"])


def search(folder: Path, max_trials: int) -> None:
    tuner = RandomSearch(
        Waiting(folder / "began"),
        "val_loss",
        max_trials=max_trials,
        seed=1,
        directory=folder,
        project_name="trials",
        divergence=Divergence(bound=9.0),
    )
    tuner.search(verbose=0)


search(FOLDER, MAX_TRIALS)  # type: ignore[name-defined] # noqa: F821 given by whoever runs the script
