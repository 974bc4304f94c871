"""Where the model is: in the folder given, in the `model` folder of the run given, or in the package."""

from pathlib import Path

from rnnzoo.models.presets import find_preset

__all__ = ["model_folder"]


def model_folder(run_or_preset: Path) -> Path:
    """The folder that `LanguageModel.from_preset` loads.

    Raises:
        FileNotFoundError: if there is no model in any of these places.
    """
    for folder in (run_or_preset, run_or_preset / "model"):
        if (folder / "config.json").is_file():
            if not (folder / "tokenizer.json").is_file():
                raise FileNotFoundError(f"a language model has a tokenizer.json, but {folder} has none.")
            return folder
    if (run_or_preset / "run.json").is_file():
        raise FileNotFoundError(f"{run_or_preset} is a run that has no model yet: its first epoch is not over.")
    if run_or_preset.is_dir():
        raise FileNotFoundError(
            f"a model must be the folder of a run or of a preset, but {run_or_preset} holds neither run.json nor "
            "config.json."
        )
    return find_preset(str(run_or_preset))
