"""The table of a search's trials."""

from collections.abc import Mapping
from html import escape
from math import inf

from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial, column_of
from rnnzoo.tuning.search.results import perplexity_of
from rnnzoo.tuning.search.wording import brief, duration

__all__ = ["trials_table"]


def trials_table(search: ReportedSearch) -> str:
    """The best first, then those without a score, in the order in which they ran; columns that are empty left out."""
    places = {trial.number: place for place, trial in enumerate(search.ranked)}
    trials = sorted(search.trials, key=lambda trial: (places.get(trial.number, inf), trial.number))
    own = ["trial", "status", search.objective]
    own += ["perplexity"] if search.language else []
    for column, given in (("epochs", "epochs"), ("time", "seconds"), ("weights", "parameters"), ("verdict", "verdict")):
        own += [column] if any(getattr(trial, given) is not None for trial in trials) else []
    hyperparameters = {column_of(name, own): name for name in search.names}
    columns = [*own, *hyperparameters]
    texts = {"status", "verdict"} | {column for column, name in hyperparameters.items() if not search.numeric(name)}
    rows = "".join(_row(search, trial, columns, hyperparameters, texts) for trial in trials)
    titles = "".join(f"<th{_kind(name in texts)}>{escape(name)}</th>" for name in columns)
    return (
        f'<h2>Trials</h2><div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(
    search: ReportedSearch,
    trial: ReportedTrial,
    columns: list[str],
    hyperparameters: Mapping[str, str],
    texts: set[str],
) -> str:
    scored = trial in search.ranked
    perplexity = perplexity_of(trial.score) if search.language and scored and trial.score is not None else None
    cells = {
        "trial": str(trial.number),
        "status": trial.status,
        search.objective: brief(trial.score) if scored else "–",
        "perplexity": "–" if perplexity is None else f"{perplexity:.4g}",
        "epochs": "–" if trial.epochs is None else f"{trial.epochs:.3g}",
        "time": "–" if trial.seconds is None else duration(trial.seconds),
        "weights": "–" if trial.parameters is None else f"{trial.parameters:,}",
        "verdict": trial.verdict or "–",
        **{
            column: brief(trial.values[name]) if name in trial.values else "–"
            for column, name in hyperparameters.items()
        },
    }
    title = f' title="{escape(trial.message)}"' if trial.message else ""
    best = trial is search.best
    shown = "".join(
        f"<td{_kind(name in texts)}>{f'<strong>{escape(cells[name])}</strong>' if best else escape(cells[name])}</td>"
        for name in columns
    )
    return f"<tr{title}>{shown}</tr>"


def _kind(text: bool) -> str:
    return ' class="text"' if text else ""
