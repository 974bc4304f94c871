"""What many trials do to the memory of the process that runs them: one process for all, and a fresh one for each.

    python tests/benchmarks/search_memory.py --trials 50

Prints, for both, the resident memory at the end of the first, the middle and the last trial, in MiB.
"""

import argparse
import functools
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from rnnzoo.tuning.search import Divergence, RandomSearch, Sharing, run_with_workers


class Small(keras_tuner.HyperModel):
    """A small LSTM on noise: what grows is what TensorFlow and Keras keep of each model."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        model = keras.Sequential([keras.Input((20, 8)), keras.layers.LSTM(64), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(rate), loss="mse")
        return model

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        noise = np.random.default_rng(0).normal(size=(256, 20, 8)).astype(np.float32)
        history = model.fit(noise, noise[:, 0, :1], validation_split=0.25, **kwargs)
        with (Path(os.environ["MEMORY_LOG"])).open("a", encoding="utf-8") as log:
            log.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}\n")
        return history


def search(folder: str, trials: int) -> None:
    tuner = RandomSearch(
        Small(), "val_loss", max_trials=trials, seed=1, directory=folder, divergence=Divergence(bound=100.0)
    )
    tuner.search(epochs=1, verbose=0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=50)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        for name, per_process in (("a fresh process for each", 1), ("one process for all", trials + 1)):
            log = Path(folder, f"{per_process}.log")
            os.environ["MEMORY_LOG"] = str(log)
            run = functools.partial(search, str(Path(folder, str(per_process))), trials)
            run_with_workers(run, Sharing(trials_per_process=per_process))
            sizes = [int(line) for line in log.read_text().split()]
            print(f"{name}: {sizes[0]}, {sizes[len(sizes) // 2]}, {sizes[-1]} MiB")


if __name__ == "__main__":
    main()
