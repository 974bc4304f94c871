"""`rnnzoo list`."""

import json
from pathlib import Path

import pytest
from cli.conftest import Call

from rnnzoo.models.architectures import ARCHITECTURES


def test_it_shows_the_nine_networks(call: Call) -> None:
    out = call("list").out
    for name, row in ARCHITECTURES.items():
        assert name in out
        assert row.layer in out
        assert row.cures in out
        assert row.source in out
        assert all(f"--{option.replace('_', '-')}" in out for option in row.takes)


def test_it_shows_what_runs_reached(run: Path, call: Call) -> None:
    perplexity = json.loads((run / "evaluation.json").read_text())["test"]["perplexity"]
    assert f"{perplexity:.1f} (gru)" in call("list", run.parent).out


def test_the_best_run_of_a_network_comes_first(tmp_path: Path, call: Call) -> None:
    for name, perplexity in {"a": 90.0, "b": 80.0}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text('{"network": {"network": "lstm"}}')
        (tmp_path / name / "evaluation.json").write_text(json.dumps({"epoch": 1, "test": {"perplexity": perplexity}}))
    out = call("list", tmp_path).out
    assert 0 < out.index("perplexity 80.0 (b)") < out.index("perplexity 90.0 (a)")


def test_the_adding_problem_has_no_perplexity(tmp_path: Path, call: Call) -> None:
    (tmp_path / "run.json").write_text('{"network": {"network": "irnn"}}')
    (tmp_path / "evaluation.json").write_text('{"epoch": 1, "test": {"loss": 0.00123, "solved": true}}')
    assert f"loss 0.00123 ({tmp_path.name})" in call("list", tmp_path).out


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_a_folder_without_runs_is_a_mistake(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("list", folder).says_in_one_line(1, "must be a folder of finished runs")


@pytest.mark.parametrize("name", ["run.json", "evaluation.json"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path, call: Call) -> None:
    (tmp_path / "run.json").write_text('{"network": {"network": "lstm"}}')
    (tmp_path / "evaluation.json").write_text('{"epoch": 1, "test": {"perplexity": 9}}')
    (tmp_path / name).write_text("{}")
    assert call("list", tmp_path).says_in_one_line(1, f"{name} must be as rnnzoo wrote it")
