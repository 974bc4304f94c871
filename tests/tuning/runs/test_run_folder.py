"""A run's folder never loses a run, and knows what the run was told."""

from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.runs.run_folder import RunFolder, read_told
from rnnzoo.tuning.training_config import TrainingConfig

NETWORK = NetworkConfig(network="skip_rnn", units=8, skip=3)
TRAINING = TrainingConfig(corpus="recall", corpus_options={"distance": 5})
CORPUS = {"words": 10, "sha256": "0"}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "skip")
    run.check_is_free()
    run.create(NETWORK, TRAINING, CORPUS)
    return run


def test_a_card_tells_what_a_run_told(run: RunFolder, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_bytes(run.configuration.read_bytes())
    assert run.read_configuration() == read_told(card)
    card.write_text("{}")
    with pytest.raises(ValueError, match=r"card\.json must be as rnnzoo wrote it, but it is not: it lacks 'network'"):
        read_told(card)


def test_it_can_be_resumed_as_it_was_begun(run: RunFolder) -> None:
    assert (NETWORK, TRAINING, CORPUS) == run.read_configuration()
    run.check_is_resumable(NETWORK, TRAINING)
    run.check_corpus(CORPUS)


def test_the_differing_option_is_named(run: RunFolder) -> None:
    with pytest.raises(ValueError, match=r"was begun with units=8, and now got units=9\."):
        run.check_is_resumable(replace(NETWORK, units=9), TRAINING)
    with pytest.raises(ValueError, match=r"was begun with corpus_options=\{'distance': 5\}, and now got"):
        run.check_is_resumable(NETWORK, replace(TRAINING, corpus_options={}))
    with pytest.raises(
        ValueError, match=r"but recall has changed since .*skip was begun: words was 10 and is 11; restore the text, or"
    ):
        run.check_corpus({**CORPUS, "words": 11})


def test_a_run_is_not_overwritten(run: RunFolder) -> None:
    with pytest.raises(FileExistsError, match="holds a run: resume it, or choose another"):
        run.check_is_free()


def test_neither_is_anything_else(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(FileExistsError, match="exists and is not empty"):
            RunFolder(path).check_is_free()
    RunFolder(tmp_path / "model").check_is_free()


def test_where_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a run must hold run\.json, but .* does not"):
        RunFolder(tmp_path).read_configuration()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("", r"it is no JSON \(line 1, column 1\)"),
        ("{}", "it lacks 'network'"),
        (
            '{"network": {"network": "lstm"}, "training": {"speed": 3}}',
            "training has no option speed, unless a newer rnnzoo has it",
        ),
        ("[]", "what it holds has another structure"),
        ('{"network": [], "training": {}, "corpus": {}}', "what it holds has another structure"),
    ],
)
def test_a_damaged_configuration(run: RunFolder, damage: str, said: str) -> None:
    run.configuration.write_text(damage)
    with pytest.raises(
        ValueError, match=rf"run\.json must be as rnnzoo wrote it, but it is not: {said}; bring it back"
    ):
        run.read_configuration()


def test_it_goes_wherever_a_path_goes(run: RunFolder) -> None:
    assert run.configuration == Path(run) / "run.json"
