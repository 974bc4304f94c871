"""The checkpoint file: arrays and a few facts, all in one file that is whole or refused.

line 1              rnnzoo checkpoint 1
line 2              JSON: the facts, and name, dtype and shape of each array
then                the arrays' bytes, one after the other, in C order and little endian
the last 32 bytes   the SHA-256 of all before
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnzoo.atomic_files import atomic_file

__all__ = ["Checkpoint", "CheckpointError", "read_checkpoint", "write_checkpoint"]

_FIRST_LINE = b"rnnzoo checkpoint 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size


class CheckpointError(ValueError):
    """A checkpoint that cannot be gone on from."""


@dataclass(frozen=True)
class Checkpoint:
    """What a training run is at one moment.

    Attributes:
        facts: what JSON can hold.
        arrays: the values of all variables, by name.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file, or leave the one that is there as it is.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "checkpoint"
    ...     write_checkpoint(path, Checkpoint({"step": 3}, {"bias": np.array([0.5, 2.0], np.float32)}))
    ...     read_checkpoint(path)
    Checkpoint(facts={'step': 3}, arrays={'bias': array([0.5, 2. ], dtype=float32)})
    """
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    headers = [[name, array.dtype.name, array.shape] for name, array in arrays.items()]
    digest = hashlib.sha256()
    with atomic_file(path) as file:
        header = json.dumps({"facts": dict(checkpoint.facts), "arrays": headers}).encode()
        for part in (_FIRST_LINE, header + b"\n", *(array.tobytes() for array in arrays.values())):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the file.

    Raises:
        FileNotFoundError: if there is none.
        CheckpointError: if it is not a checkpoint, or not a whole one.
    """
    content = path.read_bytes()
    if not content.startswith(_FIRST_LINE):
        raise CheckpointError(
            f"a checkpoint must begin with {_FIRST_LINE.decode().strip()!r}, but {path} does not: it is "
            "damaged. Delete it to begin the run anew."
        )
    body = memoryview(content)[:-_DIGEST_BYTES]
    if hashlib.sha256(body).digest() != content[-_DIGEST_BYTES:]:
        raise CheckpointError(
            f"a checkpoint must end with the checksum of its content, but {path} ({len(content)} bytes) does not: "
            "it is damaged. Delete it to begin the run anew."
        )
    end_of_header = content.index(b"\n", len(_FIRST_LINE))
    header = json.loads(content[len(_FIRST_LINE) : end_of_header])
    arrays, position = {}, end_of_header + 1
    for name, dtype_name, shape in header["arrays"]:
        dtype = np.dtype(dtype_name)
        count = math.prod(shape)
        arrays[name] = np.frombuffer(body, dtype, count, position).reshape(shape)
        position += count * dtype.itemsize
    return Checkpoint(header["facts"], arrays)
