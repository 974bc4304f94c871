"""A search as it is told of: read from its folder, ours or KerasTuner's own, running or over. Needs no TensorFlow."""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rnnzoo.damaged_files import named_damage
from rnnzoo.models.arguments import is_number
from rnnzoo.tuning.search.hyperparameters import Value
from rnnzoo.tuning.search.results import WRITE_ANEW
from rnnzoo.tuning.search.search_folder import BEGIN_ANEW
from rnnzoo.tuning.search.wording import last_line

__all__ = ["ReportedSearch", "ReportedTrial", "column_of", "read_search"]

_COPY = "bring it back from a copy"


@dataclass(frozen=True, kw_only=True)
class ReportedTrial:
    """One trial.

    Attributes:
        number: from 1, in the order in which trials began.
        status: "completed", "diverged", "pruned" (it was hopeless), "failed" (an error ended it) or "running".
        score: the objective; that of a diverged trial is its penalty. None if there is none, or no finite one.
        values: the hyperparameters, without the algorithm's own.
        epochs: how many were trained, with fractions, if known.
        seconds: how long it took, if known.
        ended: when it ended, in seconds since the search began; if nobody wrote that down, as if trials had run one
            after the other.
        parameters: how many weights its network has, if known.
        verdict: what a diagnosis said of it, if one did.
        message: why it did not come to its end.
    """

    number: int
    status: str
    score: float | None
    values: Mapping[str, Value]
    epochs: float | None = None
    seconds: float | None = None
    ended: float | None = None
    parameters: int | None = None
    verdict: str | None = None
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReportedSearch:
    """A search.

    Attributes:
        name: of its folder.
        objective: what the score is.
        maximised: whether a higher score is better.
        log_scales: the hyperparameters that were drawn on a logarithmic scale.
        trials: in the order in which they began.
        language: whether the score is nats per word, so that its exponential is a perplexity.
    """

    name: str
    objective: str
    maximised: bool
    log_scales: frozenset[str]
    trials: tuple[ReportedTrial, ...]
    language: bool

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters that differ between trials, in the order in which they first appear."""
        met: dict[str, set[str]] = {}
        for trial in self.trials:
            for name, value in trial.values.items():
                met.setdefault(name, set()).add(repr(value))
        everywhere = {name for name in met if all(name in trial.values for trial in self.trials)}
        return tuple(name for name, values in met.items() if len(values) > 1 or name not in everywhere)

    @cached_property
    def ranked(self) -> tuple[ReportedTrial, ...]:
        """The trials with a score that counts, the best first; a pruned trial has the score that it had reached."""
        scored = [one for one in self.trials if one.status in ("completed", "pruned") and one.score is not None]
        return tuple(sorted(scored, key=self.badness))

    @property
    def best(self) -> ReportedTrial | None:
        """The trial with the best score; None if none has one."""
        return self.ranked[0] if self.ranked else None

    def badness(self, trial: ReportedTrial) -> float:
        """The score such that less is better; infinite where there is none."""
        return math.inf if trial.score is None else -trial.score if self.maximised else trial.score

    def numeric(self, name: str) -> bool:
        """Whether a hyperparameter can be drawn on an axis of numbers."""
        values = [trial.values[name] for trial in self.trials if name in trial.values]
        return bool(values) and all(map(is_number, values))

    def logarithmic(self, name: str) -> bool:
        """Whether a hyperparameter was searched on a logarithmic scale, and can be drawn on one."""
        return name in self.log_scales and all(
            value > 0 for trial in self.trials if isinstance(value := trial.values.get(name), int | float)
        )


def read_search(folder: Path | str) -> ReportedSearch:
    """Read a search.

    Args:
        folder: of `rnnzoo tune`, or the project folder of any KerasTuner search.

    Raises:
        FileNotFoundError: if neither is there.
        ValueError: if a file in it is damaged, or there is no trial yet.
    """
    folder = Path(folder)
    if (folder / "trials.json").is_file():
        found = _ours(folder)
    elif (folder / "oracle.json").is_file():
        with named_damage(folder, _COPY, writer="KerasTuner"):
            found = _keras_tuners(folder)
    else:
        raise FileNotFoundError(
            f"a search must hold trials.json, or oracle.json if it is KerasTuner's own, but {folder} does not."
        )
    if not found.trials:
        raise ValueError(f"a search must have at least one trial to be reported, but {folder} has none.")
    return found


def column_of(name: str, own: Collection[str]) -> str:
    """The column of a hyperparameter in a table that has columns of its own.

    >>> [column_of(name, ("trial", "status")) for name in ("units", "status")]
    ['units', 'hp/status']
    """
    return f"hp/{name}" if name in own else name


def _ours(folder: Path) -> ReportedSearch:
    path, identity = folder / "trials.json", folder / "search.json"
    with named_damage(path, WRITE_ANEW):
        trials = tuple(_timed(_read(path)))
    log_scales: frozenset[str] = frozenset()
    if identity.is_file():
        with named_damage(identity, BEGIN_ANEW):
            ranges = _read(identity)["hyperparameters"]
            log_scales = frozenset(name for name, one in ranges.items() if one.get("log"))
    return ReportedSearch(
        name=folder.resolve().name,
        objective="val_loss",
        maximised=False,
        log_scales=log_scales,
        trials=trials,
        language=True,
    )


def _timed(rows: list[dict[str, Any]]) -> Iterator[ReportedTrial]:
    """The trials of rows like those of trials.json, with the seconds after which each ended."""
    start = min((row["begin"] for row in rows if row.get("begin") is not None), default=None)
    spent = 0.0
    for row in rows:
        spent += row.get("seconds") or 0.0
        known = start is not None and row.get("end") is not None
        yield ReportedTrial(
            number=row["number"],
            status=row["status"],
            score=_finite(row.get("score")),
            values={name: value for name, value in row["values"].items() if not name.startswith("tuner/")},
            epochs=row.get("at"),
            seconds=_finite(row.get("seconds")),
            ended=row["end"] - start if known else spent if spent else None,
            parameters=row.get("parameters"),
            verdict=row.get("verdict"),
            message=row.get("message"),
        )


def _keras_tuners(folder: Path) -> ReportedSearch:
    oracle = _read_state(folder / "oracle.json")
    files = [folder / f"trial_{name}" / "trial.json" for name in oracle["start_order"]]
    trials = [_read_state(file) for file in files if file.is_file()]
    outcomes = [
        _read_state(path) if (path := file.with_name("outcome.json")).is_file() else {}
        for file in files
        if file.is_file()
    ]
    objective, direction = _objective(trials, outcomes)
    space = [one["config"] for trial in trials for one in trial["hyperparameters"]["space"]]
    rows = [
        {
            "number": number,
            "status": {"INVALID": "failed"}.get(trial["status"], trial["status"].lower()),
            "score": trial["score"],
            "seconds": _last(trial, "seconds"),
            "at": _last(trial, "epochs"),
            "message": last_line(trial["message"]),
            **outcome,  # of a guarded tuner
            "values": trial["hyperparameters"]["values"],
        }
        for number, (trial, outcome) in enumerate(zip(trials, outcomes, strict=True), start=1)
    ]
    return ReportedSearch(
        name=folder.resolve().name,
        objective=objective,
        maximised=direction == "max",
        log_scales=frozenset(one["name"] for one in space if one.get("sampling") in ("log", "reverse_log")),
        trials=tuple(_timed(rows)),
        language=False,
    )


def _objective(trials: Sequence[Mapping[str, Any]], outcomes: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The name and the direction of what the score is.

    A guarded tuner writes them down, KerasTuner does not: there it is the metric that has the score in all trials. Of
    several alike, one of the validation.
    """
    for outcome in outcomes:
        if outcome.get("objective") is not None:
            return outcome["objective"], outcome["direction"]
    met = [set(_metrics_that_score(trial)) for trial in trials if trial["score"] is not None]
    found = sorted(set.intersection(*met)) if met else []
    return next((one for one in found if one[0].startswith("val_")), (found or [("score", "min")])[0])


def _metrics_that_score(trial: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, metric in trial["metrics"]["metrics"].items():
        means = [sum(one["value"]) / len(one["value"]) for one in metric["observations"]]
        if means and (max(means) if metric["direction"] == "max" else min(means)) == trial["score"]:
            yield name, metric["direction"]


def _last(trial: Mapping[str, Any], metric: str) -> float | None:
    history = trial["metrics"]["metrics"].get(metric, {"observations": []})["observations"]
    return float(history[-1]["value"][-1]) if history else None


def _finite(number: float | None) -> float | None:
    return float(number) if number is not None and math.isfinite(number) else None


def _read_state(path: Path) -> dict[str, Any]:
    with named_damage(path, _COPY, writer="KerasTuner"):
        return dict(_read(path).items())


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
