"""What a run reached, read from its folder."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnzoo.damaged_files import named_damage
from rnnzoo.tuning.runs.run_folder import FROM_A_COPY

__all__ = ["Reached", "measured", "read_evaluation", "read_validation_loss"]


@dataclass(frozen=True, order=True)
class Reached:
    """What the best epoch of a run came to on the test split.

    >>> print(Reached(measure="perplexity", value=85.04, epoch=5, run="gru"))
    perplexity 85.0

    Attributes:
        measure: "perplexity" of a language model; "loss", the mean squared error, of the adding problem.
        value: the smaller the better.
        epoch: from 1.
        run: the name of the run.
        words: how many it knows: a perplexity over few words is no match for one over many. None of the adding problem.
    """

    measure: str
    value: float
    epoch: int
    run: str
    words: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return (
            f"{self.measure} {self.value:.1f}" if self.measure == "perplexity" else f"{self.measure} {self.value:.3g}"
        )


def read_evaluation(run: Path) -> Reached:
    """What a finished run reached.

    Raises:
        FileNotFoundError: if the run is not over.
        ValueError: if its file is damaged.
    """
    path = run / "evaluation.json"
    measure = "perplexity" if "perplexity" in _read(path, "test") else "loss"
    words = int(_read(run / "run.json", "corpus", "words")) if measure == "perplexity" else None
    return Reached(measure, float(_read(path, "test", measure)), int(_read(path, "epoch")), run.name, words)


def read_validation_loss(run: Path) -> float:
    """The best validation loss of a finished run."""
    return float(_read(run / "evaluation.json", "validation", "loss"))


def measured(runs: Path) -> tuple[dict[str, list[Reached]], list[ValueError]]:
    """For each network, what the finished runs in a folder reached, best first; and what is wrong with damaged ones.

    Raises:
        FileNotFoundError: if there is no finished run.
        ValueError: if all of them are damaged.
    """
    found: dict[str, list[Reached]] = {}
    damages: list[ValueError] = []
    for evaluation in runs.rglob("evaluation.json"):
        try:
            network = _read(evaluation.parent / "run.json", "network", "network")
            reached = read_evaluation(evaluation.parent)
            found.setdefault(network, []).append(reached)
        except ValueError as damage:
            damages.append(damage)
    if not found and damages:
        raise damages[0]
    if not found:
        found_there = "it holds none" if runs.is_dir() else "there is no such folder"
        raise FileNotFoundError(f"{runs} must be a folder of finished runs, but {found_there}.")
    return {network: sorted(own) for network, own in found.items()}, damages


def _read(path: Path, *keys: str) -> Any:
    way_out = FROM_A_COPY
    if path.name == "evaluation.json":
        way_out = f"delete it, and rnnzoo train --resume --output {shlex.quote(str(path.parent))} writes it anew"
    with named_damage(path, way_out):
        value = json.loads(path.read_text(encoding="utf-8"))
        for key in keys:
            value = value[key]
    return value
