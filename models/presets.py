"""The trained networks that come with the package, by name. Needs no TensorFlow."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.models.near_names import did_you_mean

__all__ = ["PRESETS", "Preset", "find_preset", "nearest_presets"]

_SHIPPED = Path(__file__).resolve().parent / "pretrained"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One trained network of the package.

    Attributes:
        name: what `LanguageModel.from_preset` takes.
        network: one of the nine.
        about: what it is, in a few words.
    """

    name: str
    network: str
    about: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return _SHIPPED / self.name

    @property
    def card(self) -> dict[str, Any]:
        """What was measured of it, and the command that trained it: its `card.json`.

        Raises:
            FileNotFoundError: if this installation lacks the preset.
        """
        path = self.folder / "card.json"
        if not path.is_file():
            raise FileNotFoundError(f"the package must hold the preset {self.name}, but {path} is missing.")
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return card


def _preset(network: str, about: str, size: str = "") -> Preset:
    return Preset(name=f"{network}{size}_wikitext2", network=network, about=about)


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        _preset("simple_rnn_tanh", "one layer of 200 units"),
        _preset("simple_rnn_relu", "one layer of 200 units"),
        _preset("simple_rnn_leaky_relu", "one layer of 200 units"),
        _preset("irnn", "one layer of 200 units"),
        _preset("skip_rnn", "one layer of 200 units"),
        _preset("skip_update_lstm", "one layer of 200 units"),
        _preset("skip_update_gru", "one layer of 200 units"),
        _preset("lstm", "one layer of 200 units"),
        _preset("gru", "one layer of 200 units"),
        _preset("lstm", "two layers of 300 units, the best of the zoo", size="_large"),
    )
}


def find_preset(preset: str | os.PathLike[str]) -> Path:
    """The folder of a preset, by its path, or by its name if it comes with the package.

    Where a folder has the name of one of the package's presets, the folder is meant.

    Raises:
        FileNotFoundError: if there is neither; the nearest names are suggested.

    Example:
        >>> find_preset("lstm_large_wikitext2").name
        'lstm_large_wikitext2'
        >>> find_preset("lstm_large")
        Traceback (most recent call last):
            ...
        FileNotFoundError: a model must be a folder or a preset of the package, but lstm_large is neither. Did you \
mean lstm_large_wikitext2?
    """
    folder, name = Path(preset), str(preset)
    if folder.is_dir():
        return folder
    if name in PRESETS:
        return PRESETS[name].folder
    raise FileNotFoundError(
        f"a model must be a folder or a preset of the package, but {name} is neither.{nearest_presets(name)}"
    )


def nearest_presets(name: str) -> str:
    """The presets of the package that may have been meant, in a sentence with a space in front."""
    return did_you_mean(name, PRESETS) or f" The package's are {', '.join(PRESETS)}."
