"""The bar shows what there is to see, and nothing where nobody looks."""

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from rnnzoo.tuning.progress_bar import ProgressBar
from rnnzoo.tuning.runs.run_progress import RunProgress

TASK: Any = SimpleNamespace(measure="perplexity", unit="words", amount=1000)


def _shown(logs: dict[str, float], terminal: bool = True) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=150, color_system=None)
    with ProgressBar(RunProgress(step=5, seconds=2.0), TASK, console) as bar:
        bar.set_params({"epochs": 3, "steps": 10})
        bar.on_epoch_begin(0)
        bar.on_train_batch_end(4, logs)
        bar._bar.refresh()
    return screen.getvalue()


def test_the_measure_and_the_speed() -> None:
    shown = _shown({"perplexity": 123.456})
    assert "epoch 1/3" in shown
    assert "perplexity 123.5, 250 words/s" in shown
    assert "gradient" not in shown


def test_the_gradient_norm_where_it_is_watched() -> None:
    shown = _shown({"perplexity": 123.456, "gradient_norm": 0.54321, "clipped": 0.25})
    assert "perplexity 123.5, gradient norm 0.5432 (25% clipped), 250 words/s" in shown


def test_no_bar_where_the_output_is_no_terminal() -> None:
    assert "" == _shown({"perplexity": 123.456}, terminal=False)
