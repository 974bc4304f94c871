"""The command as a whole: help, errors, exit codes, what it imports."""

import os
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer
from cli.conftest import Call

from rnnzoo import __version__
from rnnzoo.cli import app

COMMANDS = ["train", "tune", "list", "evaluate", "diagnose", "measure", "generate", "export", "serve", "predict"]
COMMANDS += ["demo"]


def test_the_help_names_every_command(call: Call) -> None:
    result = call("--help")
    assert 0 == result.code
    assert [name for name in COMMANDS if f" {name} " in result.out] == COMMANDS


def test_without_arguments_it_shows_the_help(call: Call) -> None:
    assert call("--help").out == call().out


def test_version(call: Call) -> None:
    assert f"rnnzoo {__version__}\n" == call("--version").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_examples(command: str, call: Call) -> None:
    result = call(command, "--help")
    assert 0 == result.code
    assert "Examples:" in result.out
    assert f"rnnzoo {command}" in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_paragraph_of_the_help_is_broken_by_the_terminal_alone(command: str) -> None:
    group: Any = typer.main.get_command(app)
    assert all("\n" not in paragraph for paragraph in group.commands[command].help.split("\n\n"))


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_shown_as_written_and_are_calls_that_parse(command: str, call: Call) -> None:
    group: Any = typer.main.get_command(app)
    examples = [line for line in group.commands[command].help.splitlines() if line.startswith("  rnnzoo ")]
    assert examples
    shown = call(command, "--help").out
    for example in examples:
        assert example.strip() in shown
        _, name, *arguments = shlex.split(example)
        group.commands[name].make_context(name, arguments).close()


def test_an_unknown_command_is_a_wrong_call(call: Call) -> None:
    assert call("trian").says_in_one_line(2, "No such command 'trian'.")


def test_an_unknown_option_is_a_wrong_call(call: Call) -> None:
    assert call("train", "--unit", 3).says_in_one_line(2, "See rnnzoo train --help.")


@pytest.mark.parametrize("arguments", [["train", "gru", "--batch-size", "x"], ["tune", "gru", "--workers", "x"]])
def test_a_value_of_another_kind_is_repeated(arguments: list[str], call: Call) -> None:
    assert call(*arguments).says_in_one_line(2, "but got 'x'. See rnnzoo")


def test_a_misspelt_network_gets_a_hint(call: Call) -> None:
    assert call("train", "lstmm").says_in_one_line(1, "but got network='lstmm'. Did you mean lstm")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("rnnzoo.commands.list.Table", broken)
    with pytest.raises(ZeroDivisionError):
        call("list")


def test_verbose_shows_the_traceback_of_a_mistake(call: Call) -> None:
    result = call("--verbose", "train", "nope")
    assert 1 == result.code
    assert "Traceback (most recent call last):" in result.err
    assert result.err.splitlines()[-1].startswith("Error: network must be one of")


def test_ctrl_c_leaves_with_130(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnzoo.commands.list.Table", interrupted)
    assert call("list").says_in_one_line(130, "Interrupted.")


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.run(
        f"{sys.executable} -m rnnzoo list | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "" == process.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["list"], ["trian"]])
def test_what_needs_no_tensorflow_imports_nothing_that_takes_long(arguments: list[str]) -> None:
    heavy = ("tensorflow", "keras", "keras_tuner", "grpc", "numpy", "h5py", "matplotlib")
    code = (
        "import sys, rnnzoo.cli\n"
        f"try: rnnzoo.cli.main({arguments})\n"
        f"except SystemExit: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == process.stderr.splitlines()[-1]


def test_tensorflow_starts_silently_and_a_mistake_is_the_only_line() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    process = subprocess.run(
        [sys.executable, "-m", "rnnzoo", "train", "gru", "--corpus", "no-such-file"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert (1, "") == (process.returncode, process.stdout)
    assert 1 == process.stderr.count("\n")
    assert process.stderr.startswith("Error: a corpus must be one of")


@pytest.mark.parametrize(
    "arguments", [["predict"], ["generate", "gru_wikitext2"], ["diagnose", "gru_wikitext2", "--sentence"]]
)
def test_bytes_that_are_no_text_are_a_wrong_call_with_a_way_out(arguments: list[str], call: Call) -> None:
    said = "it must be UTF-8, but got 'caf\\udce9': type it in a terminal that is set to UTF-8."
    assert call(*arguments, "caf\udce9").says_in_one_line(2, said)
