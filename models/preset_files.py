"""A model on disk, in KerasHub's layout: config.json, tokenizer.json, model.weights.h5, metadata.json."""

import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnzoo.models.language_model import LanguageModel

__all__ = ["preset_config", "preset_vocabulary", "read_preset", "write_preset"]

CONFIG, TOKENIZER, WEIGHTS, METADATA = "config.json", "tokenizer.json", "model.weights.h5", "metadata.json"

Model = TypeVar("Model", bound="LanguageModel")


def write_preset(model: "LanguageModel", folder: Path) -> None:
    """Each file is written beside its place and moved there, so that a reader or a crash never meets half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    model.vocabulary.save(folder / TOKENIZER)
    _write_json(folder / CONFIG, {"class": "LanguageModel", "config": model.config.as_dict()})
    partial = folder / f".partial.{WEIGHTS}"
    try:
        model.save_weights(partial)
        os.replace(partial, folder / WEIGHTS)
    finally:
        partial.unlink(missing_ok=True)
    _write_json(
        folder / METADATA,
        {
            "rnnzoo_version": version("rnnzoo"),
            "keras_version": version("keras"),
            "parameters": model.count_params(),
            "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def preset_config(folder: Path) -> NetworkConfig:
    """The network of a preset. Raises FileNotFoundError where there is none, ValueError where it is broken."""
    _check_files(folder)
    try:
        return NetworkConfig.from_dict(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["config"])
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{folder / CONFIG} must hold a network's configuration, but could not be read: {error!r}."
        ) from error


def preset_vocabulary(folder: Path) -> Vocabulary:
    """The words of a preset. Raises FileNotFoundError where there is none, ValueError where they are broken."""
    _check_files(folder)
    return Vocabulary.load(folder / TOKENIZER)


def read_preset(model_class: type[Model], folder: Path) -> Model:
    """Raises FileNotFoundError where a file is missing and ValueError where one is broken or of another network."""
    config = preset_config(folder)
    model = model_class(preset_vocabulary(folder), config)
    try:
        model.load_weights(folder / WEIGHTS)
    except (OSError, KeyError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{folder / WEIGHTS} must hold the weights of the network in {CONFIG}, "
            f"but is damaged or of another one: {reason}"
        ) from error
    return model


def _check_files(folder: Path) -> None:
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"a model's folder must hold {CONFIG}, {TOKENIZER} and {WEIGHTS}, but {folder} has no {name}."
            )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(f".partial.{path.name}")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
