"""What "auto" compiles."""

import pytest
import tensorflow as tf

from rnnzoo.tuning.devices import compiles_with_xla


@pytest.mark.parametrize(
    ("jit_compile", "tpus", "expected"),
    [("auto", ["TPU:0"], True), ("auto", [], False), (True, [], True), (False, ["TPU:0"], False)],
)
def test_what_is_compiled(
    monkeypatch: pytest.MonkeyPatch, jit_compile: bool | str, tpus: list[str], expected: bool
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"TPU": tpus}[kind])
    assert expected == compiles_with_xla(jit_compile)
