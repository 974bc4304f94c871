"""The folder of a trial: what it reports while it runs, and what became of it. Needs no TensorFlow."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rnnzoo.atomic_files import write_json, write_whole

__all__ = ["Report", "TrialFolder", "TrialOutcome"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """One measurement of a running trial.

    Attributes:
        time: when, in seconds since 1970.
        at: the epochs done, with fractions: 1.25 is a quarter into the second one.
        of: the epochs planned.
        measure: "loss", of the steps since the last report, or the objective's name, after an epoch.
        value: what was measured; None if it was no finite number.
        parameters: the number of the model's weights.
    """

    time: float
    at: float
    of: float
    measure: str
    value: float | None
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """What became of a trial.

    Attributes:
        status: "completed", "pruned" (ended early, with the score that it had reached), "diverged" or "failed".
        begin, end: when it ran, in seconds since 1970.
        seconds: how long it ran, without the time in between where it was interrupted.
        at, of: the epochs done and planned.
        verdict: one of `rnnzoo.tuning.diagnosis.VERDICTS`; None where there were too few losses to say.
        reason: the rule of the verdict, and what was measured.
        message: why a trial was pruned, diverged or failed.
        parameters: the number of the model's weights; None if it never trained.
        values: the hyperparameters that it ran with.
        metrics: what it gave KerasTuner, so far as it is finite.
        objective, direction: that of the search, "min" or "max", which KerasTuner writes down nowhere; None in files of
            earlier versions.
    """

    status: str
    begin: float
    end: float
    seconds: float
    at: float
    of: float
    verdict: str | None = None
    reason: str | None = None
    message: str | None = None
    parameters: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    objective: str | None = None
    direction: str | None = None


@dataclass(frozen=True)
class TrialFolder:
    """A trial's folder, `trials/trial_N` in that of its search.

        trial.json, checkpoint.weights.h5, build_config.json   KerasTuner's: the values, the best epoch's weights
        progress.jsonl    a line for each `Report`, added while the trial runs
        outcome.json      the `TrialOutcome`, once it is over
        state             the exact state after the latest epoch, while it runs

    Attributes:
        path: the folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     folder = TrialFolder(Path(path))
        ...     folder.report(Report(time=0.0, at=0.5, of=2.0, measure="loss", value=math.nan))
        ...     folder.reports(), folder.outcome()
        ([Report(time=0.0, at=0.5, of=2.0, measure='loss', value=None, parameters=None)], None)
    """

    path: Path

    @property
    def progress(self) -> Path:
        return self.path / "progress.jsonl"

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def _outcome(self) -> Path:
        return self.path / "outcome.json"

    def report(self, report: Report) -> None:
        """Add a report."""
        value = report.value if report.value is not None and math.isfinite(report.value) else None
        line = json.dumps({**asdict(report), "value": value}, allow_nan=False) + "\n"
        with self.progress.open("a", encoding="utf-8") as file:
            file.write(line)

    def reports(self) -> list[Report]:
        """All reports so far; a last line that is being written, or never was to its end, is passed over."""
        try:
            text = self.progress.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [Report(**told) for line in lines if (told := _told(line))]

    def forget_reports(self, after: float) -> None:
        """Drop the reports of what a trial that goes on does again."""
        kept = [report for report in self.reports() if report.at <= after]
        write_whole(self.progress, "".join(json.dumps(asdict(report)) + "\n" for report in kept).encode())

    def clear(self) -> None:
        """Drop all that an earlier trial of the same number left."""
        for path in (self.progress, self.state, self._outcome):
            path.unlink(missing_ok=True)

    def conclude(self, outcome: TrialOutcome) -> None:
        """Write down what became of the trial, and let its state go."""
        write_json(self._outcome, asdict(outcome))
        self.state.unlink(missing_ok=True)

    def outcome(self) -> TrialOutcome | None:
        """What became of the trial; None while it runs, and where it ran under KerasTuner itself."""
        try:
            return TrialOutcome(**json.loads(self._outcome.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def _told(line: str) -> Mapping[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:  # a line broken by a power cut, with others after it
        return None
    return told if isinstance(told, dict) and told.keys() == Report.__dataclass_fields__.keys() else None
