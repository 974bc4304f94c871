"""What to train and how: from the options given, on top of a run or a search if there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.commands.configuration import chosen
from rnnzoo.commands.corpus_options import parse_corpus_options
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.run_folder import RunFolder
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = ["PANELS", "network_options", "read_recipe", "training_config"]

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
    "Learning rate": ("optimizer", "learning_rate", "schedule", "warmup", "weight_decay"),
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
    with its own options.
    """
    given = chosen(TrainingConfig, options)
    if given.keys() & set(CLIPPINGS):
        given = {**dict.fromkeys(CLIPPINGS), **given}
    if corpus_options:
        given["corpus_options"] = parse_corpus_options(corpus_options)
    elif "corpus" in given:
        given["corpus_options"] = {}
    return replace(base or TrainingConfig(), **given)


def read_recipe(folder: Path) -> tuple[NetworkConfig, TrainingConfig]:
    """What a run was told.

    Raises:
        FileNotFoundError: if the folder is no run.
        ValueError: if its file is damaged.
    """
    if not (folder / "run.json").is_file():
        raise FileNotFoundError(f"{folder} must be a run, but it holds no run.json.")
    network, training, _ = RunFolder(folder).read_configuration()
    return network, training
