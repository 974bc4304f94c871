"""What a search found. Needs no TensorFlow."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rnnzoo.damaged_files import named_damage
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.hyperparameters import Value
from rnnzoo.tuning.search.trial_folder import TrialOutcome
from rnnzoo.tuning.search.wording import brief, last_line
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["WRITE_ANEW", "SearchResult", "TrialRecord", "perplexity_of", "read_result"]

WRITE_ANEW = "resume the search, which writes it anew"
"""The way out of a file that is made from others."""


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: from 1, in the order in which trials began.
        trial_id: KerasTuner's name for it, that of its folder behind `trial_`.
        status: "completed", "pruned", "diverged", "failed" (an error ended it) or "running".
        score: the best validation loss in nats per word, smaller is better; the penalty of a diverged trial; None if
            there is none.
        perplexity: `exp(score)` of a trial that was completed or pruned.
        values: the hyperparameters that were active, the network first; names with a `tuner/` in front are Hyperband's.
        at, of: the epochs done and planned; None where nothing is known yet.
        diverged_at: the share of its training that a diverged trial had done.
        begin, end: when it ran, in seconds since 1970.
        seconds: how long it ran.
        verdict: what its losses say of it, one of `rnnzoo.tuning.diagnosis.VERDICTS`; None if they were too few.
        reason: the verdict's rule and what was measured.
        message: why a trial was pruned, diverged or failed, on one line.
        parameters: the number of the model's weights.
    """

    number: int
    trial_id: str
    status: str
    score: float | None
    perplexity: float | None
    values: Mapping[str, Value]
    at: float | None = None
    of: float | None = None
    diverged_at: float | None = None
    begin: float | None = None
    end: float | None = None
    seconds: float | None = None
    verdict: str | None = None
    reason: str | None = None
    message: str | None = None
    parameters: int | None = None

    @classmethod
    def from_trial(cls, trial: Any, number: int, values: Mapping[str, Value], outcome: TrialOutcome | None) -> Self:
        """From a `keras_tuner` trial.

        Args:
            trial: running or over.
            number: its place in the order in which trials began, from 1.
            values: its hyperparameters as users write them.
            outcome: what became of it; None if nothing has, or nobody wrote it down.
        """
        status = trial.status.lower()
        if status == "completed" and outcome is not None:
            status = outcome.status
        score = None if trial.score is None else float(trial.score)
        of_outcome: dict[str, Any] = {}
        if outcome is not None:
            names = ("at", "of", "begin", "end", "seconds", "verdict", "reason", "parameters")
            of_outcome = {name: getattr(outcome, name) for name in names}
            of_outcome["diverged_at"] = outcome.at / outcome.of if outcome.status == "diverged" else None
        return cls(
            number=number,
            trial_id=trial.trial_id,
            status="failed" if status == "invalid" else status,
            score=score,
            perplexity=perplexity_of(score) if score is not None and status in ("completed", "pruned") else None,
            values=values,
            message=last_line(trial.message or (outcome.message if outcome is not None else None)),
            **of_outcome,
        )

    def line(self, planned: int) -> str:
        """The trial on one line, out of so many that are planned."""
        values = " ".join(f"{name}={brief(value)}" for name, value in self.values.items() if "/" not in name)
        outcome = self.message or self.status
        if self.perplexity is not None:
            outcome = f"loss {self.score:.3f}, perplexity {self.perplexity:.1f}"
            outcome += f", {self.verdict}" if self.verdict not in (None, "healthy") else ""
            outcome += f", {self.message}" if self.message else ""
        seconds = "" if self.seconds is None else f" ({self.seconds:.0f} s)"
        return f"trial {self.number}/{planned}: {values}: {outcome}{seconds}"


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        folder: where it lies.
        trials: all of them, in the order in which they began.
        best: the trial with the lowest validation loss; None if every trial diverged or failed.
        network: the best trial's network.
        training: the best trial's recipe.
    """

    folder: Path
    trials: tuple[TrialRecord, ...]
    best: TrialRecord | None = None
    network: NetworkConfig | None = None
    training: TrainingConfig | None = None


def read_result(folder: Path | str) -> SearchResult:
    """What the search in a folder has found so far; it may be running.

    Args:
        folder: of `search`, or of `rnnzoo tune`.

    Raises:
        FileNotFoundError: if there is no search, or none of its trials is over.
        ValueError: if its files are damaged.
    """
    folder = Path(folder)
    path, best = folder / "trials.json", folder / "best.json"
    # In the opposite order of `SearchFolder.write_result`: a search that runs may write between the two.
    best_text = best.read_bytes() if best.is_file() else None
    if not path.is_file():
        hint = "; read_search reads a tuner's own" if (folder / "oracle.json").is_file() else ""
        raise FileNotFoundError(f"a search must hold trials.json, once a trial is over, but {folder} does not{hint}.")
    with named_damage(path, WRITE_ANEW):
        trials = {told["number"]: TrialRecord(**told) for told in json.loads(path.read_bytes())}
    if best_text is None:
        return SearchResult(folder=folder, trials=tuple(trials.values()))
    with named_damage(best, WRITE_ANEW):
        told = json.loads(best_text)
        return SearchResult(
            folder=folder,
            trials=tuple(trials.values()),
            best=trials[told["found"]["trial"]],
            network=NetworkConfig.from_dict(told["network"]),
            training=TrainingConfig.from_dict(told["training"]),
        )


def perplexity_of(score: float) -> float | None:
    """The perplexity of a loss in nats per word; None if no float is so large.

    >>> perplexity_of(0.0), perplexity_of(710.0)
    (1.0, None)
    """
    return math.exp(score) if score < 709 else None
