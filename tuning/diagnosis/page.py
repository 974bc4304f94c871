"""The page of a diagnosis, which needs no network, and the files beside it."""

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from rnnzoo.atomic_files import write_json, write_whole
from rnnzoo.tuning.diagnosis.decay import left_after, mean_factor
from rnnzoo.tuning.diagnosis.diagnoses import Diagnosis
from rnnzoo.tuning.diagnosis.figures import file_names, pictures_of, shared_picture
from rnnzoo.tuning.diagnosis.remedy import Remedy
from rnnzoo.tuning.diagnosis.word_influences import WordInfluence
from rnnzoo.tuning.diagnosis.words_figure import moved, strengths
from rnnzoo.tuning.pages.drawing import Picture
from rnnzoo.tuning.pages.page_folder import check_page_folder, write_pictures
from rnnzoo.tuning.pages.page_html import figure_html, page_html

__all__ = ["NUMBERS", "write_page"]

NUMBERS = "diagnosis.json"
"""Its file of numbers."""

Command = Callable[[Diagnosis, Remedy], str | None]
"""The command line that tries a remedy, None where there is only the Keras expression."""

_MOST_NAMES = 3  # in the title


def write_page(
    diagnoses: Sequence[Diagnosis], folder: Path | str, *, text: str = "", command: Command | None = None
) -> Path:
    """Write `index.html`, which holds everything it shows, `diagnosis.json`, and each figure as PNG and SVG.

    Args:
        diagnoses: of one network or of several that are compared.
        folder: where to; made if it is not there, files of an earlier page are replaced.
        text: what the networks were measured on, in words.
        command: makes the command that tries a remedy.

    Returns:
        The path of `index.html`.

    Raises:
        FileExistsError: if the folder is that of a search, of a run or of another kind of page.
        OSError: if the folder cannot be written to.
        ValueError: if there is no diagnosis.
    """
    if not diagnoses:
        raise ValueError("there must be at least one diagnosis, but got none.")
    folder = Path(folder)
    check_page_folder(folder, NUMBERS)
    prefixes = file_names([diagnosis.name for diagnosis in diagnoses])
    shared = shared_picture(diagnoses)
    own = [pictures_of(diagnosis, prefix) for diagnosis, prefix in zip(diagnoses, prefixes, strict=True)]
    write_pictures(folder, (shared, *(picture for pictures in own for picture in pictures)))
    numbers = {"text": text, "networks": [diagnosis.as_dict() for diagnosis in diagnoses]}
    write_json(folder / NUMBERS, numbers, indent=1)
    write_whole(folder / "index.html", _page(diagnoses, shared, own, text, command or _no_command).encode())
    return folder / "index.html"


def _no_command(diagnosis: Diagnosis, remedy: Remedy) -> str | None:
    return None


def _page(
    diagnoses: Sequence[Diagnosis], shared: Picture, own: Sequence[Sequence[Picture]], text: str, command: Command
) -> str:
    names = ", ".join(diagnosis.name for diagnosis in diagnoses)
    learners = names if len(diagnoses) <= _MOST_NAMES else f"{len(diagnoses)} networks"
    title = f"How far back {learners} {'learns' if len(diagnoses) == 1 else 'learn'}"
    flow = diagnoses[0].flow
    measured = (
        f"{f'{text}: ' if text else ''}{len(flow.positions)} single losses, each followed back over {flow.lags} words."
    )
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(measured)}</p>',
        *(_verdict(diagnosis, command) for diagnosis in diagnoses),
        _table(diagnoses),
        figure_html(shared),
    ]
    for diagnosis, pictures in zip(diagnoses, own, strict=True):
        parts.append(f"<section><h2>{escape(diagnosis.name)}</h2>")
        if diagnosis.words is not None:
            parts.append(_sentence(diagnosis.words))
        parts += [figure_html(picture) for picture in pictures]
        parts.append("</section>")
    parts.append('<p class="muted">Beside this page: diagnosis.json, every number; figures/, each as PNG and SVG.</p>')
    return page_html(title, parts)


def _verdict(diagnosis: Diagnosis, command: Command) -> str:
    verdict = diagnosis.verdict
    well = verdict.name == "healthy"
    findings = "".join(
        f"<p><strong>{escape(finding.name)}:</strong> {escape(finding.reason)}</p>" for finding in verdict.findings
    )
    remedies = "".join(f"<li>{_remedy(diagnosis, remedy, command)}</li>" for remedy in diagnosis.remedies)
    tried = f"<p>To try, in this order, one at a time:</p><ol>{remedies}</ol>" if remedies else ""
    return (
        f'<section class="verdict {"well" if well else "ill"}">'
        f"<h2>{'✓' if well else '✗'} {escape(diagnosis.name)}: {escape(verdict.name)}</h2>{findings}{tried}</section>"
    )


def _remedy(diagnosis: Diagnosis, remedy: Remedy, command: Command) -> str:
    line = command(diagnosis, remedy)
    shown = "" if line is None else f"<pre><code>{escape(line)}</code></pre>"
    return (
        f"<strong>{escape(remedy.name)}</strong>: {escape(remedy.reason)}{shown}"
        f"<pre><code>{escape(remedy.keras)}</code></pre>"
    )


def _table(diagnoses: Sequence[Diagnosis]) -> str:
    left = f"left after {diagnoses[0].evidence.needed_lag} words"
    head = ("network", "layer", left, "× per word", "half-life, words", "95 % within, words", "spectral radius")
    rows = []
    for diagnosis in diagnoses:
        needed_lag = diagnosis.evidence.needed_lag
        _, _, furthest = diagnosis.flow.furthest(needed_lag)
        for layer in diagnosis.flow.layers:
            for state, called in ((layer.hidden, layer.name), (layer.cell, f"{layer.name}, cell")):
                if state is None:
                    continue
                horizon = "–" if math.isnan(state.horizon) else f"{state.horizon:.0f}"
                radius = _number(layer.spectral_radius)
                kept = _number(left_after(mean_factor(state.median, needed_lag), needed_lag))
                fitted = _number(state.factor), _half_life(state.half_life)
                cells = (diagnosis.name, called, kept, *fitted, horizon, radius)
                shown = [escape(cell) for cell in cells]
                if called == furthest:
                    shown[1] = f"<strong>{shown[1]}</strong>"
                rows.append(
                    "<tr>" + "".join(f"<td{_kind(place)}>{cell}</td>" for place, cell in enumerate(shown)) + "</tr>"
                )
    titles = "".join(f"<th{_kind(place)}>{cell}</th>" for place, cell in enumerate(head))
    return (
        f'<h2>Numbers</h2><div class="scroll"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="muted">Left: the share of the gradient; the verdict is spoken on that of the layer in bold, which '
        "reaches furthest. × per word: what the gradient is multiplied by at each further word back, fitted to the "
        "median over all lags; half-life: in how many words that halves it. The first words back often lose more than "
        "the fit says, and the last ones less.</p>"
    )


def _kind(place: int) -> str:
    return ' class="text"' if place < 2 else ""


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _half_life(value: float) -> str:
    return "endless" if math.isinf(value) else "–" if math.isnan(value) else f"{value:.1f}"


def _sentence(influence: WordInfluence) -> str:
    norms = moved(influence)
    words = " ".join(
        f'<span style="--moved: {strength:.2f}" title="{_title(norm)}">{escape(word)}</span>'
        for word, norm, strength in zip(influence.words, norms, strengths(norms), strict=True)
    )
    chance = "" if math.isnan(influence.probability) else f" The network gave it {influence.probability:.2g}."
    return (
        f'<h3>A sentence, shaded by what moved its last word</h3><p class="sentence">{words} '
        f"<b>{escape(influence.target)}</b></p>"
        f'<p class="muted">The stronger the shade of a word, the more its state moved the prediction of the framed '
        f"one, on a logarithmic scale.{chance}</p>"
    )


def _title(norm: Any) -> str:
    return f"{norm:.3g}" if math.isfinite(norm) else "not finite"
