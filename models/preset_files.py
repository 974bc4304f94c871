"""A model on disk, in KerasHub's layout: config.json, tokenizer.json, metadata.json, and its weights."""

import hashlib
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rnnzoo.atomic_files import json_file, write_together
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.models.presets import find_preset
from rnnzoo.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rnnzoo.models.language_model import LanguageModel

__all__ = ["preset_config", "preset_vocabulary", "read_preset", "write_preset"]

CONFIG, TOKENIZER, METADATA = "config.json", "tokenizer.json", "metadata.json"
WEIGHTS, PACKED_WEIGHTS = "model.weights.h5", "model.weights.npz"

# Raised when files change in a way that older versions of the package would misread.
_FORMAT = 1

Model = TypeVar("Model", bound="LanguageModel")


def write_preset(model: "LanguageModel", folder: Path, packed: bool = False) -> None:
    """Whatever fails before all files are on the disk leaves a model that was there whole.

    Then they take their names, the checksums first: a crash between two of these moves leaves a folder that is refused,
    never the words of one model beside the weights of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights, other_weights = (PACKED_WEIGHTS, WEIGHTS) if packed else (WEIGHTS, PACKED_WEIGHTS)
    files = {
        CONFIG: json_file({"class": "LanguageModel", "config": model.config.as_dict()}),
        TOKENIZER: json_file(model.vocabulary.get_config(), indent=0),
        weights: _packed(model) if packed else _unpacked(model),
    }
    facts = {
        "format": _FORMAT,
        "rnnzoo_version": version("rnnzoo"),
        "keras_version": version("keras"),
        "parameters": model.count_params(),
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    write_together({folder / name: content for name, content in {METADATA: json_file(facts), **files}.items()})
    (folder / other_weights).unlink(missing_ok=True)


def _unpacked(model: "LanguageModel") -> bytes:
    from rnnzoo.models.weights_file import weights_file  # Keras, which reading a configuration does not need

    return weights_file(model)


def _packed(model: "LanguageModel") -> bytes:
    from rnnzoo.models.packed_weights import packed_file  # NumPy, likewise

    return packed_file({name: weight.numpy() for name, weight in model.named_weights.items()})


def preset_config(preset: str | os.PathLike[str]) -> NetworkConfig:
    """The network of a preset. Raises FileNotFoundError where there is none, ValueError where it is broken."""
    return _read_config(_whole_preset(preset))


def _read_config(folder: Path) -> NetworkConfig:
    try:
        return NetworkConfig.from_dict(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["config"])
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{folder / CONFIG} must hold a network's configuration, but could not be read: {error!r}."
        ) from error


def preset_vocabulary(preset: str | os.PathLike[str]) -> Vocabulary:
    """The words of a preset. Raises FileNotFoundError where there is none, ValueError where they are broken."""
    return Vocabulary.load(_whole_preset(preset) / TOKENIZER)


def read_preset(model_class: type[Model], preset: str | os.PathLike[str]) -> Model:
    """Raises FileNotFoundError where a file is missing and ValueError where one is broken or of another network."""
    folder = _whole_preset(preset)
    model = model_class(Vocabulary.load(folder / TOKENIZER), _read_config(folder))
    path = _found_weights(folder)
    try:
        if path.name == WEIGHTS:
            model.load_weights(path)
        else:
            _load_packed(model, path)
    except (OSError, KeyError, ValueError) as error:
        # Keras ends its first line with the name of a layer and a colon.
        told = str(error).partition("Example error message")[0].strip()
        reason = told.splitlines()[0] if told else type(error).__name__
        raise ValueError(
            f"{path} must hold the weights of the network in {CONFIG} and of the words in {TOKENIZER}, "
            f"but is damaged or of another one: {reason}"
        ) from error
    return model


def _load_packed(model: "LanguageModel", path: Path) -> None:
    from rnnzoo.models.packed_weights import read_packed

    weights = read_packed(path)
    own = model.named_weights
    wanted = {name: tuple(weight.shape) for name, weight in own.items()}
    given = {name: weight.shape for name, weight in weights.items()}
    if wanted != given:
        differing = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
        name = differing[0]
        raise ValueError(f"{name} must have the shape {wanted.get(name)}, but the file has {given.get(name)}.")
    for name, weight in own.items():
        weight.assign(weights[name])


def _whole_preset(preset: str | os.PathLike[str]) -> Path:
    """The folder of a preset whose files are there, of a format that is known, and as they were written."""
    folder = find_preset(preset)
    for name in (CONFIG, TOKENIZER):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"a model's folder must hold {CONFIG}, {TOKENIZER} and {WEIGHTS} or {PACKED_WEIGHTS}, "
                f"but {folder} has no {name}."
            )
    facts = _read_metadata(folder / METADATA)
    if not isinstance(facts.get("format", _FORMAT), int) or not isinstance(facts.get("sha256", {}), dict):
        raise ValueError(
            f"{folder / METADATA} must hold an integer format and an object sha256, but is damaged: "
            f"format={facts.get('format')!r}, sha256={facts.get('sha256')!r}."
        )
    if facts.get("format", _FORMAT) > _FORMAT:
        raise ValueError(
            f"a model must be of format {_FORMAT} at most, but {folder} is of format {facts['format']}, written by "
            f"rnnzoo {facts.get('rnnzoo_version')}: a newer rnnzoo reads it."
        )
    _found_weights(folder)
    for name, checksum in facts.get("sha256", {}).items():
        found = _checksum(folder / name)
        if found != checksum:
            raise ValueError(
                f"{folder / name} must have the checksum {checksum[:16]}… of its {METADATA} (SHA-256), but is damaged, "
                f"or saving was cut short: it has {found[:16]}…"
            )
    return folder


def _found_weights(folder: Path) -> Path:
    """Of two kinds, which a save that was cut short leaves side by side, the one whose checksum was written."""
    kinds = WEIGHTS, PACKED_WEIGHTS
    sums = _read_metadata(folder / METADATA).get("sha256", {})
    wanted = [kind for kind in kinds if kind in sums] or kinds
    for name in wanted:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"a model's folder must hold {' or '.join(wanted)}, but {folder} does not.")


def _read_metadata(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON, but could not be read: {error}") from error
    return facts if isinstance(facts, dict) else {}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
