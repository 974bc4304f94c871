"""Weights in a quarter of their size, to be shipped: word vectors in 8 bits a number, all others in 16."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["pack", "packed_file", "read_packed", "unpack"]

Arrays = Mapping[str, npt.NDArray[np.floating]]

# A table of so many words. What is smaller is worth no loss, and what belongs to a layer is read in every step anew.
_WORDS = 1_000
_OF_LAYERS = "layer_"
_SCALE = ":scale"
_LARGEST = 127  # symmetric: zero stays zero


def pack(weights: Arrays) -> dict[str, npt.NDArray[np.generic]]:
    """Round weights: each row of a table of words to 255 equal steps of its own, everything else to float16.

    Args:
        weights: by the names of `LanguageModel.named_weights`, float32.

    Returns:
        By name; for a table of words int8, and beside it, under `name:scale`, the size of a row's steps (rows, 1).

    Raises:
        ValueError: if a weight is not finite or too large for 16 bits.

    Example:
        >>> table = np.linspace(-1, 1, 4_000, dtype=np.float32).reshape(1_000, 4)
        >>> packed = pack({"words": table, "bias": np.ones(4, np.float32)})
        >>> {name: str(array.dtype) for name, array in packed.items()}
        {'words': 'int8', 'words:scale': 'float16', 'bias': 'float16'}
        >>> bool(np.abs(unpack(packed)["words"] - table).max() < 1 / 250)
        True
    """
    packed: dict[str, npt.NDArray[np.generic]] = {}
    for name, weight in weights.items():
        if not np.abs(weight, dtype=np.float64).max(initial=0) <= np.finfo(np.float16).max:
            raise ValueError(f"weights to be packed must be finite and fit into 16 bits, but {name} does not.")
        if weight.ndim == 2 and len(weight) >= _WORDS and not name.startswith(_OF_LAYERS):
            # Rounded up, so that no value lies beyond the last step; a row of zeros has steps of any size.
            steps = np.abs(weight).max(axis=1, keepdims=True) / _LARGEST
            scale = np.nextafter(steps.astype(np.float16), np.float16(np.inf))
            packed[name] = np.rint(weight / scale.astype(np.float32)).astype(np.int8)
            packed[name + _SCALE] = scale
        else:
            packed[name] = weight.astype(np.float16)
    return packed


def unpack(packed: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.float32]]:
    """What `pack` rounded, as float32."""
    weights = {name: array.astype(np.float32) for name, array in packed.items() if not name.endswith(_SCALE)}
    for name, weight in weights.items():
        if name + _SCALE in packed:
            weight *= packed[name + _SCALE].astype(np.float32)
    return weights


def packed_file(weights: Arrays) -> bytes:
    """Weights as the content of one compressed file, the same bytes for the same weights."""
    memory = io.BytesIO()
    np.savez_compressed(memory, allow_pickle=False, **pack(weights))
    return memory.getvalue()


def read_packed(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Read what `packed_file` made. Raises a ValueError if the file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return unpack({name: arrays[name] for name in arrays.files})
    except (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} must be a file of packed weights, but it is damaged: {error}") from error
