"""The table of the presets, from their cards."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rnnzoo.models.presets import PRESETS
from rnnzoo.tuning.pages.markdown_tables import markdown_table

__all__ = ["HEAD", "markdown", "preset_rows"]

HEAD = (
    "preset",
    "parameters",
    "MB",
    "perplexity",
    "top-1",
    "top-5",
    "gradient left, 20 words back",
    "half-life, words",
    "trained, minutes",
    "another implementation",
)

_CARD = re.compile(r"^(\w+)")

# On WikiText-2's test split: one layer of 200 units after six epochs in nlpia2 0.2.0, chapter 8 (SGD 20, global clip
# 0.25), two layers of 200 after forty in PyTorch's word_language_model.
_ELSEWHERE = {
    "simple_rnn_tanh_wikitext2": "2205",
    "simple_rnn_relu_wikitext2": "NaN",
    "lstm_wikitext2": "142.7",
    "gru_wikitext2": "130.4",
    "lstm_large_wikitext2": "99.9 (2 × 200)",
}


def preset_rows() -> list[tuple[str, ...]]:
    """A row of `HEAD` for each preset that this installation holds."""
    return [_row(name, preset.card) for name, preset in PRESETS.items() if preset.folder.is_dir()]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table for a page at the root of the repository, each preset linked to its card.

    >>> print(markdown([("gru_wikitext2", "6,929,478", "7.0")]).splitlines()[-1])
    | [gru_wikitext2](models/pretrained/gru_wikitext2/README.md) | 6,929,478 | 7.0 |
    """
    linked = [(_CARD.sub(r"[\1](models/pretrained/\1/README.md)", name), *cells) for name, *cells in rows]
    return markdown_table(HEAD, linked)


def _row(name: str, card: Mapping[str, Any]) -> tuple[str, ...]:
    test, half_life, share = card["test"], card["diagnosis"]["half_life"], card["update_share"]
    return (
        name if share is None or share > 0.995 else f"{name}, {share:.0%} of updates",
        f"{card['parameters']:,}",
        f"{card['megabytes']:.1f}",
        f"{test['perplexity']:.1f}",
        f"{test['top1']:.1%}",
        f"{test['top5']:.1%}",
        f"{card['diagnosis']['left']:.1%}",
        _half_life(half_life, card["diagnosis"]["lags"]),
        f"{card['minutes']:.0f}, {len(card['epochs'])} epochs",
        _ELSEWHERE.get(name, ""),
    )


def _half_life(half_life: float | str | None, lags: int) -> str:
    if half_life is None:
        return "–"
    return f"more than {lags}" if float(half_life) > lags else f"{float(half_life):.3g}"
