"""The bar shows how far a reading is, and nothing where nobody looks."""

import io

from rich.console import Console

from rnnzoo.tuning.evaluation.reading_bar import reading_bar


def _shown(terminal: bool) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, color_system=None)
    with reading_bar("reading", console) as watch:
        watch(3, 8)
        watch(4, 8)
    return screen.getvalue()


def test_how_far_it_is() -> None:
    assert "reading" in _shown(terminal=True)
    assert "4/8" in _shown(terminal=True)


def test_nothing_in_a_pipe() -> None:
    assert "" == _shown(terminal=False)
