"""What is read of a search."""

from pathlib import Path
from typing import IO, Any

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.results import SearchResult, TrialRecord, read_result
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.training_config import TrainingConfig


def found(folder: Path, trials: int) -> SearchResult:
    """A search whose last trial is its best."""
    records = tuple(
        TrialRecord(number=number, trial_id=str(number), status="completed", score=1.0, perplexity=2.7, values={})
        for number in range(1, trials + 1)
    )
    network, training = NetworkConfig(network="gru"), TrainingConfig()
    return SearchResult(folder=folder, trials=records, best=records[-1], network=network, training=training)


def test_a_search_that_writes_meanwhile_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SearchFolder(tmp_path).write_result(found(tmp_path, trials=1))
    real, read = Path.open, list[str]()

    def opened(path: Path, *args: Any, **kwargs: Any) -> IO[Any]:
        file = real(path, *args, **kwargs)
        if path.name in ("trials.json", "best.json"):
            read.append(path.name)
            SearchFolder(tmp_path).write_result(found(tmp_path, trials=1 + len(read)))
        return file

    monkeypatch.setattr(Path, "open", opened)
    told = read_result(tmp_path)
    assert {"trials.json", "best.json"} == set(read)
    assert told.best == told.trials[0]


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = found(tmp_path, trials=3)
    SearchFolder(tmp_path).write_result(written)
    assert written == read_result(tmp_path) == read_result(str(tmp_path))


def test_who_reads_what_a_tuner_left_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trials\.json, once a trial is over, but .* does not\.$"):
        read_result(tmp_path)
    (tmp_path / "oracle.json").touch()
    with pytest.raises(FileNotFoundError, match=r"does not; read_search reads a tuner's own\.$"):
        read_result(tmp_path)
