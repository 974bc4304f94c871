"""`rnnzoo list`."""

import errno
import json
import os
from pathlib import Path

import pytest
from cli.conftest import Call

from rnnzoo.cli import main
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
    words = f"{json.loads((run / 'run.json').read_text())['corpus']['words']:,}"
    out = call("list", run.parent).out
    assert ["gru", "gru", "perplexity", f"{perplexity:.1f}", words, "1"] in [line.split() for line in out.splitlines()]
    assert "lstm" not in out


def test_eighty_columns_cut_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text('{"network": {"network": "simple_rnn_leaky_relu"}, "corpus": {"words": 33278}}')
    (tmp_path / "evaluation.json").write_text('{"epoch": 10, "test": {"perplexity": 1234.5}}')
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (["list"], ["list", str(tmp_path)]):
        with pytest.raises(SystemExit):
            main(arguments)
        out = capsys.readouterr().out
        assert "…" not in out
        assert "perplexity" in out
    assert "perplexity 1234.5" in out


def test_forty_columns_break_what_they_have_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "a-run-with-a-very-long-name-of-its-own"
    run.mkdir()
    (run / "run.json").write_text('{"network": {"network": "simple_rnn_leaky_relu"}, "corpus": {"words": 33278}}')
    (run / "evaluation.json").write_text('{"epoch": 10, "test": {"perplexity": 1234.5}}')
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(SystemExit):
        main(["list", str(tmp_path)])
    rows = capsys.readouterr().out.rpartition("─")[2].splitlines()
    assert run.name == "".join(row.split()[0] for row in rows if row.strip())


def test_markdown_is_of_the_presets_alone(tmp_path: Path, call: Call) -> None:
    assert call("list", "--markdown", tmp_path).says_in_one_line(2, "--markdown: it is for the presets, and cannot")


@pytest.mark.parametrize("name", ["x.foo", "x.pdf", "x"])
def test_a_picture_of_another_kind_is_refused(name: str, tmp_path: Path, call: Call) -> None:
    assert call("list", "--picture", tmp_path / name).says_in_one_line(2, "it must end in .png or .svg")
    assert not (tmp_path / name).exists()


def test_the_best_run_of_all_comes_first(tmp_path: Path, call: Call) -> None:
    for name, perplexity in {"a": 90.0, "b": 80.0}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text('{"network": {"network": "lstm"}, "corpus": {"words": 33278}}')
        (tmp_path / name / "evaluation.json").write_text(json.dumps({"epoch": 1, "test": {"perplexity": perplexity}}))
    out = call("list", tmp_path).out
    assert 0 < out.index("perplexity 80.0") < out.index("perplexity 90.0")


def test_the_adding_problem_has_no_perplexity(tmp_path: Path, call: Call) -> None:
    (tmp_path / "run.json").write_text('{"network": {"network": "irnn"}}')
    (tmp_path / "evaluation.json").write_text('{"epoch": 1, "test": {"loss": 0.00123, "solved": true}}')
    assert "loss 0.00123" in call("list", tmp_path).out


@pytest.mark.parametrize(("folder", "said"), [(".", "but it holds none."), ("nowhere", "but there is no such folder.")])
def test_a_folder_without_runs_is_a_mistake(
    folder: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("list", folder).says_in_one_line(1, f"must be a folder of finished runs, {said}")


def test_a_damaged_run_hides_no_other(tmp_path: Path, call: Call) -> None:
    for name, evaluation in {"a": '{"epoch": 1, "test": {"perplexity": 9}}', "b b": "{}"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text('{"network": {"network": "lstm"}, "corpus": {"words": 33278}}')
        (tmp_path / name / "evaluation.json").write_text(evaluation)
    result = call("list", tmp_path)
    assert (0, 1) == (result.code, result.err.count("\n"))
    assert "perplexity 9.0" in result.out
    assert result.err.startswith(f"Left out: {tmp_path}/b b/evaluation.json must be as rnnzoo wrote it")
    assert f"delete it, and rnnzoo train --resume --output '{tmp_path}/b b' writes it anew.\n" in result.err


@pytest.mark.parametrize("name", ["run.json", "evaluation.json"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path, call: Call) -> None:
    (tmp_path / "run.json").write_text('{"network": {"network": "lstm"}, "corpus": {"words": 33278}}')
    (tmp_path / "evaluation.json").write_text('{"epoch": 1, "test": {"perplexity": 9}}')
    (tmp_path / name).write_text("{}")
    assert call("list", tmp_path).says_in_one_line(1, f"{name} must be as rnnzoo wrote it")


def test_a_picture_that_finds_no_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    said = f"{tmp_path / 'x.svg'}: No space left on device. Make room there"
    assert call("list", "--picture", tmp_path / "x.svg").says_in_one_line(1, said)
