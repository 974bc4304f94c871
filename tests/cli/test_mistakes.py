"""What is said in one line, and what keeps its traceback."""

import pytest
import typer

from rnnzoo.commands.mistakes import InterruptionError, Mistake, describe
from rnnzoo.serving.errors import ServerUnavailableError


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
    assert expected == describe(error)


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), ImportError("no module"), AssertionError()])
def test_a_bug_is_no_mistake(error: Exception) -> None:
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
