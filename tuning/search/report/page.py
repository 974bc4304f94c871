"""The page of a search, which needs no network, and the files beside it."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from rnnzoo.atomic_files import write_json, write_whole
from rnnzoo.tuning.pages.drawing import Picture
from rnnzoo.tuning.pages.page_folder import check_page_folder, write_pictures
from rnnzoo.tuning.pages.page_html import figure_html, page_html
from rnnzoo.tuning.search.report.figures import pictures_of
from rnnzoo.tuning.search.report.hparams import write_hparams
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, column_of
from rnnzoo.tuning.search.report.trials_table import trials_table
from rnnzoo.tuning.search.results import perplexity_of
from rnnzoo.tuning.search.wording import brief, counted, duration

__all__ = ["write_report"]

# Beside the shared one: a table with a column for each hyperparameter is wider than a sheet of paper.
_STYLE = """
@media print {
  .scroll { overflow: visible }
  table { font-size: 7.5pt }
  th, td { padding: .12rem .25rem }
}
"""


def write_report(search: ReportedSearch, folder: Path | str, *, command: str | None = None) -> Path:
    """Write a page and what other programs read.

        index.html     the page, which holds everything it shows
        figures/       each figure as PNG and SVG
        report.json    every number; strict JSON, null where there is no finite one
        trials.csv     a row for each trial
        hparams/       the same for TensorBoard's HParams board

    Args:
        search: from `read_search`.
        folder: where to, none of a search, a run or another kind of page; made if it is not there, files of an earlier
            report are replaced.
        command: what trains the best trial's network in full.

    Returns:
        The path of `index.html`.

    Raises:
        FileExistsError: if the folder is that of a search, of a run or of another kind of page.
        OSError: if the folder cannot be written to.
    """
    folder = Path(folder)
    check_page_folder(folder, "report.json")
    pictures = pictures_of(search)
    write_pictures(folder, pictures)
    write_json(folder / "report.json", _numbers(search), indent=1)
    write_whole(folder / "trials.csv", _csv(search).encode())
    write_hparams(search, folder / "hparams")
    write_whole(folder / "index.html", _page(search, pictures, command).encode())
    return folder / "index.html"


def _numbers(search: ReportedSearch) -> dict[str, object]:
    return {
        "search": search.name,
        "objective": search.objective,
        "direction": "max" if search.maximised else "min",
        "log_scales": sorted(search.log_scales),
        "best": None if search.best is None else search.best.number,
        "trials": [asdict(trial) for trial in search.trials],
    }


def _csv(search: ReportedSearch) -> str:
    names = list(dict.fromkeys(name for trial in search.trials for name in trial.values))
    own = ["number", "status", "score", "epochs", "seconds", "ended", "parameters", "verdict", "message"]
    columns = {name: column_of(name, own) for name in names}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*own[:-1], *columns.values(), own[-1]], extrasaction="ignore")
    writer.writeheader()
    for trial in search.trials:
        writer.writerow({**asdict(trial), **{columns[name]: value for name, value in trial.values.items()}})
    return text.getvalue()


def _page(search: ReportedSearch, pictures: Sequence[Picture], command: str | None) -> str:
    title = f"Search {search.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(_spent(search))}</p>',
        _outcome(search, command),
        *map(figure_html, pictures),
        trials_table(search),
        '<p class="muted">Beside this page: report.json and trials.csv, every number; figures/, each as PNG and SVG; '
        "hparams/, for TensorBoard's HParams board.</p>",
    ]
    return page_html(title, parts, _STYLE)


def _spent(search: ReportedSearch) -> str:
    def seconds(accepts: Callable[[str], bool]) -> float:
        return sum(trial.seconds or 0.0 for trial in search.trials if accepts(trial.status))

    statuses = [trial.status for trial in search.trials]
    met = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(sorted(statuses)))
    told = f"{counted(len(statuses), 'trial')}: {met}."
    total = seconds(lambda status: True)
    if total:
        told += f" {duration(total)} of training"
        wasted = seconds(lambda status: status == "diverged")
        told += f", {duration(wasted)} of it in trials that diverged." if wasted else "."
    return told


def _outcome(search: ReportedSearch, command: str | None) -> str:
    best = search.best
    if best is None:
        return (
            '<section class="verdict ill"><h2>✗ No trial came to its end</h2>'
            "<p>All diverged, were stopped or failed. Search lower learning rates, or clip harder.</p></section>"
        )
    values = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(brief(value))}</td></tr>" for name, value in best.values.items()
    )
    shown = "" if command is None else f"<p>Train it in full:</p><pre><code>{escape(command)}</code></pre>"
    return (
        f'<section class="verdict well"><h2>✓ Trial {best.number}: {escape(_score(search, best.score))}</h2>'
        f'<div class="scroll"><table><tbody>{values}</tbody></table></div>{shown}</section>'
    )


def _score(search: ReportedSearch, score: float | None) -> str:
    told = f"{search.objective} {brief(score)}"
    perplexity = perplexity_of(score) if search.language and score is not None else None
    return told if perplexity is None else f"{told}, perplexity {perplexity:.4g}"
