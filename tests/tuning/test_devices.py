"""What "auto" compiles, which devices are used, and that two replicas learn what one device learns."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from rnnzoo.tuning.devices import compiles_with_xla, use_device

SCRIPT = Path(__file__).with_name("mirrored_script.py")


@pytest.mark.parametrize(
    ("jit_compile", "tpus", "expected"),
    [("auto", ["TPU:0"], True), ("auto", [], False), (True, [], True), (False, ["TPU:0"], False)],
)
def test_what_is_compiled(
    monkeypatch: pytest.MonkeyPatch, jit_compile: bool | str, tpus: list[str], expected: bool
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"TPU": tpus}[kind])
    assert expected == compiles_with_xla(jit_compile)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine with two GPUs, and what was chosen of them."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"GPU": ["GPU:0", "GPU:1"], "TPU": []}[kind])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda devices, kind: found.update(visible=devices))
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda device, growing: found.update(growing=device)
    )
    return found


@pytest.mark.parametrize(
    ("device", "worker", "expected"),
    [
        ("cpu", None, {"visible": []}),
        ("cpu", 1, {"visible": []}),
        ("gpu", None, {"visible": ["GPU:0"]}),
        ("gpu", 1, {"visible": ["GPU:1"], "growing": "GPU:1"}),
        ("gpu", 2, {"visible": ["GPU:0"], "growing": "GPU:0"}),
        ("auto", 1, {"visible": ["GPU:1"], "growing": "GPU:1"}),
        ("auto", None, {}),
    ],
)
def test_each_worker_has_a_gpu_of_its_own(
    chosen: dict[str, Any], device: str, worker: int | None, expected: dict[str, Any]
) -> None:
    assert use_device(device, worker) is None
    assert expected == chosen


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("quantum", "device must be one of auto, cpu, gpu, gpus, tpu, but got device='quantum'"),
        ("gpu", "gpu needs a GPU that TensorFlow sees"),
        ("gpus", "gpus needs a GPU that TensorFlow sees"),
        ("tpu", "tpu needs a TPU that TensorFlow sees"),
    ],
)
def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, device: str, message: str) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(ValueError, match=message):
        use_device(device)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("mirrored")
    environment = {**os.environ, "HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert 0 == done.returncode, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("recipe", ["sgd, clipped", "sgd around adam", "adam, sampled"])
def test_two_replicas_learn_what_one_device_learns(told: dict[str, Any], recipe: str) -> None:
    assert 2 == told["replicas"]
    one, two = told[recipe]["one"], told[recipe]["two"]
    assert {"loss", "val_loss", "val_top1", "val_top5"} <= one["history"].keys()
    for name, values in one["history"].items():
        assert values == pytest.approx(two["history"][name], rel=1e-5), name
    for mine, theirs in zip(one["weights"], two["weights"], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


def test_a_batch_that_replicas_cannot_share(told: dict[str, Any]) -> None:
    assert "batch_size must be a multiple of the 2 replicas, but got batch_size=3." == told["error"]


def test_a_search_over_replicas_finds_what_one_device_finds(told: dict[str, Any]) -> None:
    one, two = told["search auto"], told["search gpus"]
    assert ["completed", "diverged"] == [status for status, _ in one] == [status for status, _ in two]
    assert [score for _, score in one] == pytest.approx([score for _, score in two], rel=1e-4)


def test_a_run_over_replicas_is_kept_and_resumed_as_on_one_device(told: dict[str, Any]) -> None:
    (one, one_resumed), (two, two_resumed) = told["run one"], told["run two"]
    assert one == one_resumed
    assert two == two_resumed
    assert one["test"]["loss"] == pytest.approx(two["test"]["loss"], rel=1e-4)
