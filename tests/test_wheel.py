"""What people install: the wheel alone, with no network."""

import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from rnnzoo.models.presets import PRESETS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content and nothing else of ours."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for room in ("models", "tuning", "serving", "src"):
        shutil.copytree(ROOT / room, source / room, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    shutil.rmtree(source)
    return folder / "site"


def _offline(code: str, installed: Path, cwd: Path) -> str:
    """What the code prints where only the wheel is importable and no connection to anywhere can be made."""
    guard = """
        import socket, sys

        def refuse(event, arguments):
            if event in ("socket.connect", "socket.getaddrinfo"):
                raise OSError(f"the network is off, but something asked for {arguments[1:]}")

        sys.addaudithook(refuse)
        import rnnzoo
        assert rnnzoo.__file__.startswith(sys.argv[1]), rnnzoo.__file__
    """
    script = textwrap.dedent(guard) + textwrap.dedent(code)
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(cwd), "TF_CPP_MIN_LOG_LEVEL": "3"}
    ran = subprocess.run(
        [sys.executable, "-c", script, str(installed)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3_000:]
    return ran.stdout


def test_every_preset_is_in_it_and_answers(installed: Path, tmp_path: Path) -> None:
    code = """
        from rnnzoo.models import LanguageModel, PRESETS

        for name in PRESETS:
            model = LanguageModel.from_preset(name)
            word = model.predict_next("the capital of the United")[0][0].word
            print(name, word, len(model.generate("the", 3, seed=0)))
    """
    assert [f"{name} States 1" for name in PRESETS] == _offline(code, installed, tmp_path).splitlines()


def test_a_preset_is_saved_loaded_and_learns_on(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("The next word of these notes is always a word of these notes .\n" * 900)
    code = """
        import keras
        from rnnzoo.models import LanguageModel
        from rnnzoo.tuning import TrainingConfig, train

        name = "lstm_large_wikitext2"
        model = LanguageModel.from_preset(name)
        model.save("model.keras")
        loaded = keras.saving.load_model("model.keras")
        asked = "the next word of"
        assert loaded.predict_next(asked) == model.predict_next(asked)

        training = TrainingConfig(corpus="notes.txt", from_preset=name, epochs=1, learning_rate=1e-3)
        run = train(model.config, training, "run", verbose=False)
        tuned = LanguageModel.from_preset(run.model)
        before, after = (one.score("the next word of these notes")[0].total for one in (model, tuned))
        print("better" if after > before else f"{before} {after}")
    """
    assert _offline(code, installed, tmp_path) == "better\n"
