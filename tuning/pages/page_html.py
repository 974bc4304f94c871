"""The frame of every page, in which everything it shows is part of it, and a picture within."""

from collections.abc import Iterable
from html import escape

from rnnzoo.tuning.pages.drawing import Picture
from rnnzoo.tuning.pages.page_style import STYLE

__all__ = ["figure_html", "page_html"]


def page_html(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole page.

    Args:
        title: as plain text.
        parts: the HTML of its body.
        style: beside the one that all pages share.
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{"".join(parts)}\n</body></html>\n'


def figure_html(picture: Picture) -> str:
    """A picture with its title and how to read it."""
    return (
        f"<figure><figcaption><strong>{escape(picture.title)}</strong>"
        f'<span class="muted">{escape(picture.reading)}</span></figcaption>{picture.inline()}</figure>'
    )
