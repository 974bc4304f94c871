"""One measurement of a table: what learns what; and where outcomes are kept, so that none is measured twice."""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import keras

from rnnzoo.atomic_files import write_json
from rnnzoo.damaged_files import named_damage
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.diagnosis.flow_results import as_json, half_life_as_json
from rnnzoo.tuning.memory.adding_problem import learn_adding
from rnnzoo.tuning.memory.recall_ladder import LADDER, climb
from rnnzoo.tuning.memory.text_learning import learn_text
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["Cell", "Outcome", "measure"]

Outcome = dict[str, Any]

_TASKS = ("recall", "adding", "text")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One network that learns one thing once.

    Attributes:
        row: the line of the table that it belongs to.
        task: one of "recall", "adding" and "text".
        network, training: what learns, and how.
        steps: of recall the most at each distance, of adding the most in all.
        ladder: of recall, the distances in words.
        length: of adding, the time steps of a sequence.
    """

    row: str
    task: str
    network: NetworkConfig
    training: TrainingConfig
    steps: int = 400
    ladder: tuple[int, ...] = LADDER
    length: int = 100

    def __post_init__(self) -> None:
        if self.task not in _TASKS:
            raise ValueError(f"task must be one of {', '.join(_TASKS)}, but got task={self.task!r}.")

    def run(self) -> Outcome:
        """Learn, and say what became of it, for JSON: None for no finite number, "inf" for an infinite half-life."""
        if self.task == "recall":
            recall = climb(self.network, self.training, ladder=self.ladder, steps=self.steps)
            return {**as_json(recall), "reach": recall.reach}
        if self.task == "adding":
            adding = learn_adding(self.network, self.training, length=self.length, steps=self.steps)
            return {**as_json(adding), "solved": adding.solved}
        text = learn_text(self.network, self.training)
        return {**as_json(text), "half_life": half_life_as_json(text.half_life)}

    def as_dict(self) -> dict[str, Any]:
        """What decides the outcome, the table's line not among it."""
        of_task: dict[str, dict[str, Any]] = {
            "recall": {"steps": self.steps, "ladder": list(self.ladder)},
            "adding": {"steps": self.steps, "length": self.length},
            "text": {},
        }
        return {
            "task": self.task,
            "network": self.network.as_dict(),
            "training": self.training.as_dict(),
            **of_task[self.task],
        }

    @property
    def key(self) -> str:
        """Equal for cells that learn the same in the same way."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A cell as a file holds it. Options that there were none of when it was written are at their defaults."""
        return cls(
            row=values["row"],
            task=values["task"],
            network=NetworkConfig.from_dict(values["network"]),
            training=TrainingConfig.from_dict(values["training"]),
            **{name: values[name] for name in ("steps", "length") if name in values},
            ladder=tuple(values.get("ladder", LADDER)),
        )


def measure(
    cells: Sequence[Cell], path: Path, report: Callable[[int, Cell, Outcome, float], None] = lambda *_: None
) -> Mapping[str, Outcome]:
    """The outcome of each cell by its key; those that the file holds already are not measured again.

    Args:
        cells: what to measure, in this order.
        path: a JSON file, written after each cell: an interruption loses one cell at most.
        report: called after each new cell with its number (from 1), the cell, its outcome and the seconds it took.

    Raises:
        ValueError: if the file is there and holds something else.
    """
    kept = _read(path)
    for number, cell in enumerate(cells, start=1):
        if cell.key in kept:
            continue
        begin = time.monotonic()
        outcome = cell.run()
        seconds = round(time.monotonic() - begin, 1)
        kept[cell.key] = {"row": cell.row, **cell.as_dict(), "outcome": outcome, "seconds": seconds}
        _write(path, kept)
        report(number, cell, outcome, seconds)
        keras.backend.clear_session()
    return {cell.key: kept[cell.key]["outcome"] for cell in cells}


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with named_damage(path, "choose another folder"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"].values()
        return {Cell.from_dict(cell).key: cell for cell in cells}


def _write(path: Path, cells: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in ("rnnzoo", "keras", "tensorflow")}
    content = {"machine": f"{platform.machine()}, {platform.system()}", "versions": versions, "cells": cells}
    write_json(path, content, indent=1)
