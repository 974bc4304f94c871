"""What "auto" compiles."""

import pytest
import tensorflow as tf

from rnnzoo.tuning.devices import compiles_with_xla


@pytest.mark.parametrize(
    ("jit_compile", "many_operations", "gpus", "expected"),
    [
        ("auto", True, [], True),
        ("auto", False, [], False),
        ("auto", True, ["GPU:0"], False),
        (True, False, ["GPU:0"], True),
        (False, True, [], False),
    ],
)
def test_what_is_compiled(
    monkeypatch: pytest.MonkeyPatch, jit_compile: bool | str, many_operations: bool, gpus: list[str], expected: bool
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    assert expected == compiles_with_xla(jit_compile, many_operations)
