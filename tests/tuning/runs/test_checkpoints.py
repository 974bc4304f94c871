"""A checkpoint comes back bit for bit, or says what is wrong with it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnnzoo.tuning.runs.checkpoints import Checkpoint, CheckpointError, read_checkpoint, write_checkpoint

arrays = hnp.arrays(
    st.sampled_from(["float32", "float64", "int64", "uint32", "bool"]), hnp.array_shapes(min_dims=0, min_side=0)
)


@settings(max_examples=40)
@given(contents=st.dictionaries(st.text(), arrays, max_size=4), step=st.integers())
def test_there_and_back(contents: dict[str, np.ndarray], step: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint"
    write_checkpoint(path, Checkpoint({"step": step, "history": [{"loss": 0.1}]}, contents))
    found = read_checkpoint(path)
    assert {"step": step, "history": [{"loss": 0.1}]} == found.facts
    assert list(contents) == list(found.arrays)
    for name, array in contents.items():
        assert (array.dtype, array.shape) == (found.arrays[name].dtype, found.arrays[name].shape)
        assert array.tobytes() == found.arrays[name].tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    write_checkpoint(path, Checkpoint({"step": 1}, {"kernel": np.arange(6.0).reshape(2, 3)}))
    return path


def test_every_truncation_is_seen(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="a checkpoint must"):
            read_checkpoint(path)


def test_every_flipped_byte_is_seen(path: Path) -> None:
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(CheckpointError, match="a checkpoint must"):
            read_checkpoint(path)


def test_the_message_says_what_to_do(path: Path) -> None:
    for damaged in (path.read_bytes()[:-1], b"[]"):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"is damaged\. Delete it to begin the run anew\."):
            read_checkpoint(path)


def test_a_write_that_fails_leaves_the_old_one(path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_checkpoint(path, Checkpoint({"step": object()}, {}))
    assert {"step": 1} == read_checkpoint(path).facts
    assert [path] == list(path.parent.iterdir())
