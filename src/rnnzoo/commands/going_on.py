"""What to type next, once a run has ended: as it should, or before."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.commands.mistakes import DivergedRunError, InterruptionError

if TYPE_CHECKING:
    from rnnzoo.tuning.divergence import TrainingDiverged

__all__ = ["diverged_run", "interrupted_run"]


def interrupted_run(run: Path) -> InterruptionError:
    """The line after Ctrl-C."""
    return InterruptionError(f"Interrupted. Go on with: {_train('--resume', '--output', run)}")


def diverged_run(run: Path, diverged: "TrainingDiverged", rate: float) -> DivergedRunError:
    """The line after a training that blew up. Resumed, it would do so again.

    Args:
        run: its folder.
        diverged: what happened.
        rate: the learning rate that it began with.
    """
    return DivergedRunError(
        f"{diverged.report} Try a --learning-rate below {rate:g}, or a lower --global-clipnorm, in another folder: "
        f"{_train('--repeat', run)} --learning-rate … --output …"
    )


def _train(*arguments: str | Path) -> str:
    return shlex.join(["rnnzoo", "train", *map(str, arguments)])
