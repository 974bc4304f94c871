"""What to train and how: from the options given, on top of a run or a search if there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from rnnzoo.commands.configuration import chosen
from rnnzoo.commands.corpus_options import parse_corpus_options
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.presets import PRESETS
from rnnzoo.tuning.runs.run_folder import read_told
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = ["PANELS", "has_recipe", "network_options", "read_recipe", "training_config", "without_corpus"]

# The sections of the help, and the options in each.
PANELS = {
    "Network": ("units", "layers", "embedding", "dropout", "recurrent_dropout", "softmax", "cutoffs", "division"),
    "Cures": (
        "recurrent_initializer",
        "recurrent_scale",
        "longest_lag",
        "normalization",
        "negative_slope",
        "skip",
        "dilated",
        "budget",
    ),
    "Clipping": CLIPPINGS,
    "Text": ("corpus", "vocabulary_limit", "from_preset"),
    "Training": ("epochs", "patience", "batch_size", "window", "fresh_starts", "rotation", "loss", "samples", "seed"),
    "Learning rate": ("optimizer", "learning_rate", "recurrent_learning_rate", "schedule", "warmup", "weight_decay"),
    "Machine": ("checkpoint_steps", "jit_compile"),
}


def network_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a command's options that a network takes."""
    return chosen(NetworkConfig, options)


def training_config(
    options: Mapping[str, Any], corpus_options: Sequence[str] | None, base: TrainingConfig | None = None
) -> TrainingConfig:
    """The training that a command's options ask for; what they leave open is as in `base`.

    One way of clipping takes the place of another: `--clipnorm 1` needs no `--global-clipnorm none`. A corpus comes
    with its own options. A text's path is made absolute, so that a run finds it from any folder.
    """
    given = chosen(TrainingConfig, options)
    if "corpus" in given:
        given["corpus"] = _found_anywhere(given["corpus"])
    if given.keys() & set(CLIPPINGS):
        given = {**dict.fromkeys(CLIPPINGS), **given}
    if corpus_options:
        given["corpus_options"] = parse_corpus_options(corpus_options)
    elif "corpus" in given:
        given["corpus_options"] = {}
    return replace(base or TrainingConfig(), **given)


def has_recipe(source: Path) -> bool:
    """Whether it says how it was trained: a run, or a preset of the package."""
    return _told_in(source) is not None


def read_recipe(source: Path) -> tuple[NetworkConfig, TrainingConfig]:
    """What a run, or the run that a preset of the package came out of, was told.

    Raises:
        FileNotFoundError: if it is neither.
        ValueError: if its file is damaged.
    """
    told = _told_in(source)
    if told is None:
        raise FileNotFoundError(f"{source} must be a run or a preset of the package, but it holds no run.json.")
    network, training, _ = read_told(told)
    return network, training


def without_corpus(source: Path) -> typer.BadParameter:
    """The refusal of what is to be measured on a text, has none of its own, and got none."""
    return typer.BadParameter(
        f"only a run and a preset of the package have a corpus of their own, and {source} is neither: name one.",
        param_hint="--corpus",
    )


def _found_anywhere(corpus: str) -> str:
    if not (corpus and Path(corpus).exists()):  # a name, or a mistake, which is told as it was typed
        return corpus
    from rnnzoo.tuning.corpora.catalog import CORPORA

    return corpus if corpus in (*CORPORA, "adding") else str(Path(corpus).absolute())


def _told_in(source: Path) -> Path | None:
    folder = PRESETS[str(source)].folder if str(source) in PRESETS and not source.is_dir() else source
    files = (folder / name for name in ("run.json", "card.json"))
    return next((file for file in files if file.is_file()), None)
