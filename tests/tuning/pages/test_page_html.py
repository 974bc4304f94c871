"""The frame of every page."""

from matplotlib.figure import Figure

from rnnzoo.tuning.pages.drawing import Picture
from rnnzoo.tuning.pages.page_html import figure_html, page_html


def test_a_title_is_text_and_parts_are_html() -> None:
    page = page_html("<irnn>", ["<p>one</p>", "<p>two</p>"], style="p { color: red }")
    assert page.startswith('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">')
    assert "<title>&lt;irnn&gt;</title>" in page
    assert "p { color: red }</style></head>\n<body>\n<p>one</p><p>two</p>\n</body></html>\n" in page


def test_a_picture_says_what_it_shows_and_how_to_read_it() -> None:
    figure = figure_html(Picture("loss", "Loss < 3", "Lower & better.", lambda shape: Figure()))
    assert "<strong>Loss &lt; 3</strong>" in figure
    assert "Lower &amp; better." in figure
    assert 2 == figure.count("<svg ")
