"""A search as TensorBoard's HParams board shows it: a run for each trial, with its values and its score."""

import time
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from rnnzoo.tuning.search.hyperparameters import Value
from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial, column_of

__all__ = ["write_hparams"]

_ENDING = ".report"  # of the event files, so that they are known again
_OWN = ("status",)  # what the board shows among the hyperparameters and is none


def write_hparams(search: ReportedSearch, folder: Path) -> None:
    """Write event files, in place of those of an earlier report: `tensorboard --logdir FOLDER`.

    Trials that diverged, were pruned or failed are there, too, without a score: a penalty is none.

    Raises:
        OSError: if the folder cannot be written to.
    """
    _forget(folder)
    names = dict.fromkeys(column_of(name, _OWN) for trial in search.trials for name in trial.values)
    metrics = [api.Metric(search.objective), api.Metric("seconds")]
    _write(folder, [api.hparams_config_pb([*map(api.HParam, _OWN), *map(api.HParam, names)], metrics)])
    for trial in search.trials:
        _write(folder / f"trial-{trial.number:04}", _summaries(search, trial))


def _summaries(search: ReportedSearch, trial: ReportedTrial) -> list[Summary]:
    values = {column_of(name, _OWN): _plain(value) for name, value in trial.values.items()}
    found = [api.hparams_pb({"status": trial.status, **values}, trial_id=f"trial-{trial.number:04}")]
    if trial.status == "completed" and trial.score is not None:
        found.append(scalar_pb(search.objective, trial.score))
    if trial.seconds is not None:
        found.append(scalar_pb("seconds", trial.seconds))
    return found


def _plain(value: Value) -> bool | int | float | str:
    return "none" if value is None else value


def _forget(folder: Path) -> None:
    """Remove what an earlier report wrote, and nothing else."""
    for run in (folder, *folder.glob("trial-*")):
        for file in run.glob(f"events.out.tfevents.*{_ENDING}"):
            file.unlink()
        if run != folder and not any(run.iterdir()):
            run.rmdir()


def _write(folder: Path, summaries: list[Summary]) -> None:
    writer = EventFileWriter(str(folder), filename_suffix=_ENDING)
    for summary in summaries:
        writer.add_event(Event(wall_time=time.time(), step=0, summary=summary))
    writer.close()
