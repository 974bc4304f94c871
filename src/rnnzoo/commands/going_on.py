"""What to type next, once a run has ended: as it should, or before."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.commands.mistakes import DivergedRunError, InterruptionError, said_of_file
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.training_config import TrainingConfig

if TYPE_CHECKING:
    from rnnzoo.tuning.divergence import TrainingDiverged

__all__ = ["check_resumable", "diverged_run", "finished_run", "interrupted_run", "unwritten", "unwritten_run"]


def interrupted_run(run: Path) -> InterruptionError:
    """The line after Ctrl-C."""
    return InterruptionError(f"Interrupted. Go on with: {_train('--resume', '--output', run)}")


def unwritten_run(run: Path, error: OSError) -> OSError:
    """The line after a disk that took no more, or was not there."""
    return unwritten(error, _train("--resume", "--output", run))


def unwritten(error: OSError, command: str) -> OSError:
    """What was wrong with a file, and the command that goes on from what is saved."""
    return OSError(f"{said_of_file(error)} Once that is mended, go on with: {command}")


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


def check_resumable(run: Path, network: NetworkConfig, training: TrainingConfig) -> None:
    """Raise a ValueError with a way out if the run was begun otherwise."""
    folder = RunFolder(run)
    try:
        folder.check_is_resumable(network, training)
    except ValueError as error:
        if not folder.evaluation.is_file():
            raise ValueError(f"{error} A run of its own: {_train('--repeat', run)} … --output …") from None
        raise ValueError(f"{error} {finished_run(run)}") from None


def finished_run(run: Path) -> str:
    """The line where a run has nothing left to do."""
    _, training, _ = RunFolder(run).read_configuration()
    if training.corpus == "adding":  # nothing goes on from its networks
        return f"{run} is finished."
    options = [f"--corpus-option={name}={value}" for name, value in training.corpus_options.items()]
    command = _train("--from-preset", run, "--corpus", training.corpus, *options)
    return f"{run} is finished; to go on learning: {command} --output …"


def _train(*arguments: str | Path) -> str:
    return shlex.join(["rnnzoo", "train", *map(str, arguments)])
