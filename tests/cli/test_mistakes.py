"""What is said in one line, and what keeps its traceback."""

from typing import Any

import pytest
import typer

from rnnzoo.commands.mistakes import InterruptionError, Mistake, describe
from rnnzoo.serving.errors import ServerUnavailableError


def raised(statement: str, **names: Any) -> Exception:
    """What a statement raises in a module of ours."""
    with pytest.raises(Exception) as caught:
        exec(statement, {"__name__": "rnnzoo.commands.imagined", **names})
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("two\n  lines"), Mistake("Error: two lines")),
        (PermissionError(13, "Permission denied", "runs"), Mistake("Error: runs: Permission denied.")),
        (
            OSError(28, "No space left on device", "runs/x"),
            Mistake("Error: runs/x: No space left on device. Make room there, or choose another place."),
        ),
        (OSError("port 8500 is in use."), Mistake("Error: port 8500 is in use.")),
        (OSError(), Mistake("Error: OSError")),
        (ServerUnavailableError("no server", 14), Mistake("Error: no server")),
        (ImportError("needs it: pip install 'x'"), Mistake("Error: needs it: pip install 'x'")),
        (InterruptionError("Interrupted. Go on."), Mistake("Interrupted. Go on.", 130)),
        (typer.Abort(), Mistake("Interrupted.", 130)),
        (typer.BadParameter("it is wrong", param_hint="--x"), Mistake("Error: Invalid value for --x: it is wrong.", 2)),
    ],
)
def test_a_mistake_is_one_line(error: Exception, expected: Mistake) -> None:
    assert expected == describe(raised("raise error", error=error))


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), ImportError("no module"), AssertionError()])
def test_a_bug_is_no_mistake(error: Exception) -> None:
    assert describe(raised("raise error", error=error)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "int('x')",
        "import json; json.loads('{')",
        "import numpy; numpy.zeros(2) + numpy.zeros(3)",
        "import keras; keras.layers.Dense(-1)",
        "import keras; keras.ops.matmul(keras.ops.zeros((2, 3)), keras.KerasTensor((4, 5)))",
    ],
)
def test_what_others_say_of_a_value_is_a_bug_of_ours(statement: str) -> None:
    error = raised(statement)
    assert isinstance(error, ValueError)
    assert describe(error) is None


def test_what_tensorflow_may_not_write_is_a_mistake_and_its_graphs_are_bugs() -> None:
    import tensorflow as tf

    denied = tf.errors.PermissionDeniedError(None, None, "runs/x; Permission denied\n\t [[node]]")
    assert Mistake("Error: runs/x: Permission denied.") == describe(denied)
    full = tf.errors.ResourceExhaustedError(None, None, "{{node SaveV2}} e/x; No space left on device [Op:SaveV2]")
    expected = "Error: e/x: No space left on device. Make room there, or choose another place."
    assert Mistake(expected) == describe(full)
    memory = tf.errors.ResourceExhaustedError(None, None, "{{node}} OOM when allocating tensor [Op:MatMul]")
    assert Mistake("Error: OOM when allocating tensor.") == describe(memory)
    assert describe(tf.errors.InvalidArgumentError(None, None, "shapes differ")) is None


def test_divergence_is_a_mistake() -> None:
    from rnnzoo.tuning.divergence import TrainingDiverged

    mistake = describe(TrainingDiverged("loss was nan", step=3, epoch=1))
    assert mistake is not None
    assert mistake.line.startswith("Error: Training diverged: loss was nan at step 3")
