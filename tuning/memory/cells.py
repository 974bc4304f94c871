"""One measurement of a table: what learns what; and where outcomes are kept, so that none is measured twice."""

import hashlib
import json
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import keras

from rnnzoo.atomic_files import write_json
from rnnzoo.damaged_files import named_damage
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.diagnosis.flow_results import as_json, half_life_as_json
from rnnzoo.tuning.memory.adding_problem import learn_adding
from rnnzoo.tuning.memory.recall_ladder import LADDER, climb
from rnnzoo.tuning.memory.text_learning import learn_text
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["AddingCell", "Cell", "Outcome", "RecallCell", "TextCell", "measure", "read_cell"]

Outcome = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cell(ABC):
    """One network that learns one thing once.

    Attributes:
        task: what it learns.
        row: the line of the table that it belongs to.
        network, training: what learns, and how.
    """

    task: ClassVar[str]
    row: str
    network: NetworkConfig
    training: TrainingConfig

    @abstractmethod
    def run(self) -> Outcome:
        """Learn, and say what became of it, for JSON: None for no finite number, "inf" for an infinite half-life."""

    def as_dict(self) -> dict[str, Any]:
        """What decides the outcome, the table's line not among it."""
        return {"task": self.task, "network": self.network.as_dict(), "training": self.training.as_dict()}

    @property
    def key(self) -> str:
        """Equal for cells that learn the same in the same way."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class RecallCell(Cell):
    """Recall, distance by distance.

    Attributes:
        steps: the most at each distance.
        ladder: the distances in words.
    """

    task = "recall"
    steps: int = 400
    ladder: tuple[int, ...] = LADDER

    def run(self) -> Outcome:
        outcome = climb(self.network, self.training, ladder=self.ladder, steps=self.steps)
        return {**as_json(outcome), "reach": outcome.reach}

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "steps": self.steps, "ladder": list(self.ladder)}


@dataclass(frozen=True, kw_only=True)
class AddingCell(Cell):
    """The adding problem.

    Attributes:
        steps: the most in all.
        length: the time steps of a sequence.
    """

    task = "adding"
    steps: int
    length: int

    def run(self) -> Outcome:
        outcome = learn_adding(self.network, self.training, length=self.length, steps=self.steps)
        return {**as_json(outcome), "solved": outcome.solved}

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "steps": self.steps, "length": self.length}


@dataclass(frozen=True, kw_only=True)
class TextCell(Cell):
    """The text of the training's corpus."""

    task = "text"

    def run(self) -> Outcome:
        outcome = learn_text(self.network, self.training)
        return {**as_json(outcome), "half_life": half_life_as_json(outcome.half_life)}


def read_cell(values: Mapping[str, Any]) -> Cell:
    """A cell as a file holds it. Options that there were none of when it was written are at their defaults."""
    told = {
        "row": values["row"],
        "network": NetworkConfig.from_dict(values["network"]),
        "training": TrainingConfig.from_dict(values["training"]),
    }
    match values["task"]:
        case RecallCell.task:
            return RecallCell(**told, steps=values["steps"], ladder=tuple(values["ladder"]))
        case AddingCell.task:
            return AddingCell(**told, steps=values["steps"], length=values["length"])
        case TextCell.task:
            return TextCell(**told)
        case other:
            raise ValueError(f"task must be recall, adding or text, but got task={other!r}")


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
        return {read_cell(cell).key: cell for cell in cells}


def _write(path: Path, cells: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in ("rnnzoo", "keras", "tensorflow")}
    content = {"machine": f"{platform.machine()}, {platform.system()}", "versions": versions, "cells": cells}
    write_json(path, content, indent=1)
