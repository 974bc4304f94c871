"""The command line called in this process, and a tiny run for it to work on."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rnnzoo.cli import main

SENTENCE = "the cat sat on the mat and the dog sat on the cat while the bird saw the mat"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def says_in_one_line(self, code: int, text: str) -> bool:
        """Whether it failed with this code, saying one line that holds the text, and nothing else."""
        return self.code == code and self.out == "" and self.err.count("\n") == 1 and text in self.err


Call = Callable[..., Result]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    # Silence is for people: here, every warning is to be seen.
    monkeypatch.setattr("rnnzoo.cli.quiet", lambda: None)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(int(end.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "cats.txt"
    words = SENTENCE.split()
    lines = [" ".join(words[start:] + words[:start]) for start in range(len(words))]
    path.write_text("\n".join(lines * 6) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of its own for the caches."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("home")
        monkeypatch.setenv("HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny(text_file: Path) -> list[str]:
    """Options that make a training take a moment."""
    sizes = ["--units", "8", "--epochs", "1", "--batch-size", "2", "--window", "5", "--jit-compile", "false"]
    return ["--corpus", os.fspath(text_file), "--optimizer", "adam", *sizes]


@pytest.fixture(scope="session")
def run(tiny: list[str], home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "gru"
    with pytest.raises(SystemExit) as end:
        main(["--verbose", "train", "gru", *tiny, "--output", str(folder)])
    assert 0 == end.value.code
    return folder
