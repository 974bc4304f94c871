"""Texts as they come from a terminal."""

from typing import TypeVar

import typer

__all__ = ["check_is_unicode"]

Text = TypeVar("Text", str, list[str], None)


def check_is_unicode(typed: Text) -> Text:
    """Refuse bytes that are no UTF-8, which Python keeps as lone surrogates."""
    texts: list[str] = [typed] if isinstance(typed, str) else typed or []
    for text in texts:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise typer.BadParameter(f"it must be UTF-8, but got {text!r}: type it in a terminal that is set to UTF-8.")
    return typed
