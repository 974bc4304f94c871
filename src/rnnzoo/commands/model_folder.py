"""Where the model is: in the folder given, or in the `model` folder of the run given."""

from pathlib import Path

__all__ = ["model_folder"]


def model_folder(run_or_preset: Path) -> Path:
    """The folder that `LanguageModel.from_preset` loads.

    Raises:
        FileNotFoundError: if there is no model in either place.
    """
    for folder in (run_or_preset, run_or_preset / "model"):
        if (folder / "config.json").is_file():
            if not (folder / "tokenizer.json").is_file():
                raise FileNotFoundError(f"a language model has a tokenizer.json, but {folder} has none.")
            return folder
    if (run_or_preset / "run.json").is_file():
        raise FileNotFoundError(f"{run_or_preset} is a run that has no model yet: its first epoch is not over.")
    raise FileNotFoundError(
        f"a model must be the folder of a run or of a preset, but {run_or_preset} "
        + ("holds neither run.json nor config.json." if run_or_preset.is_dir() else "is no folder.")
    )
