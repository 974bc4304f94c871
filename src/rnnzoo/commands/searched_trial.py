"""A trial of a search, to be trained in full."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.results import TrialRecord, read_result
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["SearchedTrial", "read_trial"]


@dataclass(frozen=True, kw_only=True)
class SearchedTrial:
    """A trial and what it trained.

    Attributes:
        record: what the search wrote down of it.
        network, training: its network and its recipe, with the epochs that it was planned to take.
    """

    record: TrialRecord
    network: NetworkConfig
    training: TrainingConfig

    def compared(self, loss: float) -> str:
        """A line that compares the trial's score with the best validation loss of the same training in full."""
        score, number = self.record.score, self.record.number
        if self.record.status != "completed" or score is None:
            return f"Trial {number} was {self.record.status}; in full its validation loss is {loss:.6g}."
        if loss == score:
            return f"The same validation loss as trial {number}: {loss:.6g}."
        return f"Validation loss {loss:.6g}; trial {number} had {score:.6g}, {abs(loss / score - 1):.1e} of it apart."


def read_trial(text: str) -> SearchedTrial:
    """The trial that `SEARCH:N` names, or the best one of `SEARCH`.

    Raises:
        FileNotFoundError: if there is no search, or none of its trials is over.
        ValueError: if it has no such trial, none is best, or its files are damaged.
    """
    named = re.fullmatch(r"(.+):(\d+)", text)
    folder, number = (Path(named[1]), int(named[2])) if named else (Path(text), None)
    if number is None and not folder.is_dir() and ":" in text:
        raise ValueError(f"a trial must be named SEARCH:N, N from 1, but got {text!r}.")
    plan, result = SearchPlan.read(folder), read_result(folder)
    if number is None and result.best is None:
        raise ValueError(f"no trial of {folder} came to an end: name one, {folder}:N.")
    records = {record.number: record for record in result.trials}
    record = result.best if number is None else records.get(number)
    if record is None:
        raise ValueError(f"{folder} has the trials 1 to {len(records)}, but got {number}.")
    network, training = plan.space.recipe(record.values)
    rung = record.values.get("tuner/epochs")  # Hyperband's
    return SearchedTrial(
        record=record,
        network=network,
        training=replace(training, epochs=rung) if isinstance(rung, int) else training,
    )
