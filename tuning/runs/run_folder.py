"""The folder of a training run: what lies where, and what the run was told."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rnnzoo.atomic_files import write_json
from rnnzoo.damaged_files import named_damage
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.runs.folder_lock import LOCK
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["FROM_A_COPY", "RunFolder", "read_told"]

FROM_A_COPY = "bring it back from a copy, or train anew in another folder"
"""The way out of a run.json that is damaged."""


@dataclass(frozen=True)
class RunFolder:
    """A run's folder. It can be given wherever a path can.

        run.json          the full configuration, the corpus's fingerprint, the versions
        log.csv           a row for each epoch
        model/            the preset of the best epoch
        checkpoint        the exact latest state
        tensorboard/      for `tensorboard --logdir`
        signs.csv         what the gradients did, if they were watched
        evaluation.json   how well the best model does on the test split; there once the run is over
        .lock             while a process trains here

    Attributes:
        path: the folder.
    """

    path: Path

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    @property
    def configuration(self) -> Path:
        return self.path / "run.json"

    @property
    def log(self) -> Path:
        return self.path / "log.csv"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def signs(self) -> Path:
        return self.path / "signs.csv"

    @property
    def evaluation(self) -> Path:
        return self.path / "evaluation.json"

    def check_is_free(self) -> None:
        """Raise a FileExistsError if a new run here could overwrite something."""
        if self.configuration.exists():
            raise FileExistsError(
                f"a new run needs a folder of its own, but {self.path} holds a run: resume it, or choose another."
            )
        if self.path.exists() and (not self.path.is_dir() or any(one.name != LOCK for one in self.path.iterdir())):
            raise FileExistsError(f"a new run needs a folder of its own, but {self.path} exists and is not empty.")

    def create(self, network: NetworkConfig, training: TrainingConfig, corpus: Mapping[str, Any]) -> None:
        """Make the folder and write down what the run was told."""
        self.path.mkdir(parents=True, exist_ok=True)
        libraries = ("rnnzoo", "keras", "tensorflow", "numpy")
        write_json(
            self.configuration,
            {
                "network": network.as_dict(),
                "training": training.as_dict(),
                "corpus": dict(corpus),
                "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
            },
        )

    def read_configuration(self) -> tuple[NetworkConfig, TrainingConfig, dict[str, Any]]:
        """What the run was told, see `read_told`.

        Raises:
            FileNotFoundError: if there is no run here.
            ValueError: if run.json is damaged.
        """
        if not self.configuration.is_file():
            raise FileNotFoundError(f"a run must hold run.json, but {self.path} does not.")
        return read_told(self.configuration)

    def check_is_resumable(self, network: NetworkConfig, training: TrainingConfig) -> None:
        """Raise a ValueError that names the first option in which the run differs from what is asked for now."""
        told_network, told_training, _ = self.read_configuration()
        told = told_network.as_dict() | told_training.as_dict()
        for name, value in (network.as_dict() | training.as_dict()).items():
            if told.get(name) != value:
                raise ValueError(
                    f"a run must be resumed as it was begun, but {self.path} was begun with "
                    f"{name}={told.get(name)!r}, and now got {name}={value!r}."
                )

    def check_corpus(self, corpus: Mapping[str, Any]) -> None:
        """Raise a ValueError if the corpus has changed since the run began."""
        _, training, told = self.read_configuration()
        for name, value in corpus.items():
            if told.get(name) != value:
                raise ValueError(
                    f"a run must be resumed on the text it was begun with, but {training.corpus} has changed since "
                    f"{self.path} was begun: {name} was {told.get(name)!r} and is {value!r}; restore the text, or "
                    "train anew in another folder."
                )


def read_told(path: Path) -> tuple[NetworkConfig, TrainingConfig, dict[str, Any]]:
    """What a run was told: the network, the recipe, and the facts of the corpus.

    Args:
        path: its run.json, or the card of the preset that came out of it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged.
    """
    with named_damage(path, FROM_A_COPY):
        told = json.loads(path.read_text(encoding="utf-8"))
        network, training = NetworkConfig.from_dict(told["network"]), TrainingConfig.from_dict(told["training"])
        return network, training, dict(told["corpus"])
