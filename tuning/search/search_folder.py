"""The folder of a search: what lies where, and which search it is."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rnnzoo.atomic_files import write_json, write_whole
from rnnzoo.damaged_files import named_damage
from rnnzoo.tuning.runs.folder_lock import LOCK
from rnnzoo.tuning.search.results import SearchResult, TrialRecord

__all__ = ["BEGIN_ANEW", "MAX_TRIALS", "SearchFolder"]

MAX_TRIALS = "max_trials"
"""In search.json, beside what makes the search what it is: two searches that differ in this alone are one."""

BEGIN_ANEW = "bring it back from a copy, or begin a search in another folder"
"""The way out of a file without which no search goes on."""


@dataclass(frozen=True)
class SearchFolder:
    """A search's folder.

        search.json    what is searched, and with how many trials at most
        trials.json    a record for each trial
        trials.csv     the same as a table, with a column for each hyperparameter
        best.json      the whole configuration of the best trial, in the words of a run's run.json
        trials/        KerasTuner's own files, and a folder for each trial, see `TrialFolder`
        .lock          while a process searches here

    Attributes:
        path: the folder.
    """

    path: Path

    TRIALS = "trials"

    @property
    def identity(self) -> Path:
        return self.path / "search.json"

    @property
    def best(self) -> Path:
        return self.path / "best.json"

    def check_is_free(self) -> None:
        """Raise a FileExistsError if a new search here could overwrite something."""
        if self.identity.exists():
            raise FileExistsError(
                f"a new search needs a folder of its own, but {self.path} holds a search: resume it, or choose another."
            )
        files = (one for one in self.path.rglob("*") if one.is_file() and one.name != LOCK)
        if self.path.exists() and (not self.path.is_dir() or any(files)):
            raise FileExistsError(f"a new search needs a folder of its own, but {self.path} exists and is not empty.")

    def check_is_resumable(self, identity: Mapping[str, Any]) -> None:
        """Raise a ValueError that names what differs between the search that is here and the one that is asked for.

        Raises:
            FileNotFoundError: if there is no search here.
            ValueError: if there is another one, or search.json is damaged.
        """
        if not self.identity.is_file():
            raise FileNotFoundError(f"a search to resume must hold search.json, but {self.path} does not.")
        with named_damage(self.identity, BEGIN_ANEW):
            told = dict(_leaves(json.loads(self.identity.read_text(encoding="utf-8"))))
        told.pop(MAX_TRIALS, None)  # more of them extend a search
        asked = dict(_leaves(json.loads(json.dumps(identity))))
        for name in {**told, **asked}:
            was, is_now = told.get(name), asked.get(name)
            if was == is_now:
                continue
            if name.startswith("corpus."):  # the text's name, which is compared before, is the same
                raise ValueError(
                    f"a search must be resumed on the text it was begun with, but that has changed since {self.path} "
                    f"was begun: {name} was {was!r} and is {is_now!r}; restore the text, or begin a search in another "
                    "folder."
                )
            raise ValueError(
                f"a search must be resumed as it was begun, but {self.path} has {name}={was!r} and {name}={is_now!r} "
                "was asked for."
            )

    def write_identity(self, identity: Mapping[str, Any], max_trials: int | None = None) -> None:
        """Write down which search it is and, for whoever resumes it, how many trials it has at most."""
        limit = {} if max_trials is None else {MAX_TRIALS: max_trials}
        write_json(self.identity, {**identity, **limit})

    def read_max_trials(self) -> int | None:
        """The most trials of the search that is here; None if nobody wrote it down."""
        told = json.loads(self.identity.read_text(encoding="utf-8"))
        return told.get(MAX_TRIALS)

    def write_result(self, result: SearchResult) -> None:
        """Write down what has been found so far."""
        # trials.json, which only ever gets longer, before best.json, so that the best trial is always in it.
        write_json(self.path / "trials.json", [_strict(asdict(trial)) for trial in result.trials])
        write_whole(self.path / "trials.csv", _table(result.trials).encode())
        if result.best is not None and result.network is not None and result.training is not None:
            configuration = {"network": result.network.as_dict(), "training": result.training.as_dict()}
            found = {"trial": result.best.number, "loss": result.best.score, "perplexity": result.best.perplexity}
            write_json(self.best, {**configuration, "found": found})


def _table(trials: Sequence[TrialRecord]) -> str:
    names = sorted({name for trial in trials for name in trial.values})
    text = io.StringIO(newline="")
    own = [field.name for field in fields(TrialRecord) if field.name not in ("values", "reason", "message")]
    columns = [*own, *names, "message", "reason"]
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**asdict(trial), **trial.values} for trial in trials)
    return text.getvalue()


def _strict(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON does not know become null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a nested dictionary, each by its dotted name."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
