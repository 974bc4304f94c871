"""What a person sees while a search runs, read from its folder: it does not matter which process runs a trial."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.trial_folder import Report, TrialFolder, TrialOutcome
from rnnzoo.tuning.search.wording import brief, duration

__all__ = ["Board"]

_OWN_LINES = 4  # of the terminal, for what is no trial: titles, the last line, the cursor
_NUMBERS = ("trial", "weights", "epochs", "score", "left")
_NO_CELLS = dict.fromkeys(("trial", "network", "weights", "values", "epochs", "score", "verdict", "left"), "")
_GAP = 2  # between two columns
_LEGIBLE = 40  # so much of a trial's values is worth more than the number of its weights
_SHORTEST = 8  # of a column that is cut
_STYLES = {"completed": "", "pruned": "dim", "diverged": "red", "failed": "yellow", "running": "bold"}


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A trial, as far as it is."""

    name: str
    values: Mapping[str, Any]
    outcome: TrialOutcome | None
    reports: list[Report]

    @property
    def status(self) -> str:
        return "running" if self.outcome is None else self.outcome.status

    @property
    def score(self) -> float | None:
        """The score or, while there is none, the latest loss."""
        if self.outcome is not None:
            scored = self.outcome.status in ("completed", "pruned")
            return next(iter(self.outcome.metrics.values()), None) if scored else None
        return next((report.value for report in reversed(self.reports) if report.value is not None), None)

    @property
    def epochs(self) -> str:
        last = self.outcome or (self.reports[-1] if self.reports else None)
        return "" if last is None else f"{last.at:.3g}/{last.of:.3g}"

    @property
    def parameters(self) -> int | None:
        told = [self.outcome] if self.outcome is not None else self.reports
        return next((one.parameters for one in told if one.parameters is not None), None)

    def seconds_left(self, now: float) -> float | None:
        """What it takes yet at the pace since its first report."""
        if self.outcome is not None or len(self.reports) < 2:
            return None
        first, last = self.reports[0], self.reports[-1]
        if last.at <= first.at:
            return None
        pace = (last.time - first.time) / (last.at - first.at)
        return max(0.0, (last.of - last.at) * pace - (now - last.time))


class Board:
    """A table of a search's trials that keeps itself up to date; lines where the output is no terminal.

    Args:
        folder: the search's; it need not be there yet.
        max_trials: how many are planned.
        console: where to; standard output by default.

    Example:
        >>> with Board(Path("nowhere"), 3, Console(force_terminal=False)) as board:
        ...     board.trial_over("trial 1/3: ...")
        trial 1/3: ...
    """

    def __init__(self, folder: Path, max_trials: int, console: Console | None = None) -> None:
        self.console = console or Console()
        self.max_trials = max_trials
        self._folder = SearchFolder(folder)
        self._trials = folder / SearchFolder.TRIALS
        self._known: dict[str, _Row] = {}
        self._live = Live(
            get_renderable=self.render, console=self.console, refresh_per_second=1, vertical_overflow="crop"
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """Write a line, above the table if there is one."""
        if self.console.is_terminal:
            self.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=self.console.file, flush=True)

    def trial_over(self, line: str) -> None:
        """Write the line of a trial, unless the table shows it anyway."""
        if not self.console.is_terminal:
            self.say(line)

    def render(self) -> RenderableType:
        """The table as it is now."""
        rows = self._rows()
        most = max(3, self.console.height - _OWN_LINES)
        running = [row for row in rows if row.outcome is None]
        shown = [row for row in rows if row.outcome is not None][-max(1, most - len(running)) :] + running
        best = min((row for row in rows if row.status in ("completed", "pruned")), key=_worth, default=None)
        now = time.time()
        cells = [_cells(row, now) for row in shown]
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title, width in _widths(cells, self.console.width).items():
            kind: Any = {"justify": "right"} if title in _NUMBERS else {}
            table.add_column(title, no_wrap=True, overflow="ellipsis", width=width, **kind)
        for row, cell in zip(shown, cells, strict=True):
            style = "bold green" if row is best else _STYLES.get(row.status, "")
            table.add_row(*(cell[str(column.header)] for column in table.columns), style=style)
        return Group(table, Text(self._summary(rows, best), style="dim"))

    def _summary(self, rows: list[_Row], best: _Row | None) -> str:
        over = [row for row in rows if row.outcome is not None]
        told = f"{len(over)} of {self.max_trials} trials"
        diverged = sum(row.status == "diverged" for row in over)
        told += f", {diverged} diverged" if diverged else ""
        if best is not None and best.score is not None:
            told += f"; best: {brief(best.score)} in trial {int(best.name) + 1}"
        if over:
            running = max(1, len(rows) - len(over))
            took = sum(row.outcome.seconds for row in over if row.outcome is not None) / len(over)
            left = took * max(0, self.max_trials - len(over)) / running
            told += f"; about {duration(left)} left" if left else ""
        return told

    def _rows(self) -> list[_Row]:
        names = [path.name.removeprefix("trial_") for path in self._trials.glob("trial_*")]
        names = sorted((name for name in names if name.isdecimal()), key=int)
        for name in names:
            if name not in self._known or self._known[name].outcome is None:
                self._known[name] = self._read(name)
        return [self._known[name] for name in names]

    def _network(self) -> str:
        """The network of all trials, if there is but one: it is no hyperparameter then."""
        try:
            networks = json.loads(self._folder.identity.read_text(encoding="utf-8"))["networks"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return next(iter(networks), "")

    def _read(self, name: str) -> _Row:
        folder = TrialFolder(self._trials / f"trial_{name}")
        try:
            told = json.loads((folder.path / "trial.json").read_text(encoding="utf-8"))
            values = {"network": self._network(), **told["hyperparameters"]["values"]}
        except (OSError, ValueError, KeyError, TypeError):
            values = {}
        return _Row(name=name, values=values, outcome=folder.outcome(), reports=folder.reports())


def _widths(cells: Sequence[Mapping[str, str]], width: int) -> dict[str, int]:
    """The columns that a terminal has room for: without it there are no weights, and values and network are cut.

    >>> cells = {"trial": "1", "network": "irnn", "weights": "12,345", "values": "x" * 60, "score": "3.5"}
    >>> [list(_widths([cells], width)) == list(cells) for width in (80, 60)]
    [True, False]
    """
    widest = {title: max(len(row[title]) for row in ({title: title}, *cells)) for title in (cells or [_NO_CELLS])[0]}
    if not any(row["weights"] for row in cells):
        del widest["weights"]

    def room() -> int:
        others = sum(width for title, width in widest.items() if title != "values")
        return width - others - _GAP * (len(widest) - 1)

    if room() < min(widest["values"], _LEGIBLE):
        widest.pop("weights", None)
    lacking = min(widest["values"], _SHORTEST) - room()
    if lacking > 0:
        widest["network"] = max(_SHORTEST, widest["network"] - lacking)
    widest["values"] = max(1, min(widest["values"], room()))
    return widest


def _worth(row: _Row) -> float:
    return math.inf if row.score is None else row.score


def _cells(row: _Row, now: float) -> dict[str, str]:
    left = row.seconds_left(now)
    verdict = row.status if row.outcome is None else row.outcome.verdict or row.outcome.status
    if row.status in ("pruned", "failed"):
        verdict = row.status
    return {
        "trial": str(int(row.name) + 1),
        "network": str(row.values.get("network", "")),
        "weights": "" if row.parameters is None else f"{row.parameters:,}",
        "values": " ".join(
            f"{name}={brief(value)}" for name, value in row.values.items() if name != "network" and "/" not in name
        ),
        "epochs": row.epochs,
        "score": "" if row.score is None else brief(row.score),
        "verdict": "diverged" if row.status == "diverged" else verdict,
        "left": "" if left is None else duration(left),
    }
