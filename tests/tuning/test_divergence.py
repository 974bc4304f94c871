"""Which losses end a training."""

from types import SimpleNamespace

import keras
import pytest

from rnnzoo.tuning.divergence import HaltOnDivergedValidation, TrainingDiverged


def end_epoch(bound: float | None, loss: float, val_loss: float) -> None:
    callback = HaltOnDivergedValidation(bound)
    callback.set_model(SimpleNamespace(optimizer=keras.optimizers.SGD()))  # type: ignore[arg-type]
    callback.on_epoch_end(0, {"loss": loss, "val_loss": val_loss})


@pytest.mark.parametrize(
    ("bound", "loss", "val_loss"),
    [
        (10.0, 9.0, 11.0),  # learnt by heart
        (10.0, 500.0, 9.0),  # began badly
        (None, 500.0, 500.0),
    ],
)
def test_a_bad_epoch_is_no_divergence(bound: float | None, loss: float, val_loss: float) -> None:
    end_epoch(bound, loss, val_loss)


@pytest.mark.parametrize(
    ("bound", "loss", "val_loss", "line"),
    [
        (10.0, 11.0, 12.0, r"val_loss was 12, above 10, at step 0 \(epoch 1\)\."),
        (10.0, 5.0, 90.0, r"val_loss was 90, above 88\.7, at step 0"),  # it broke off near the end of the epoch
        (None, 1.0, float("nan"), "val_loss was nan at step 0"),
    ],
)
def test_divergence_ends_the_training(bound: float | None, loss: float, val_loss: float, line: str) -> None:
    with pytest.raises(TrainingDiverged, match=line):
        end_epoch(bound, loss, val_loss)


def test_only_a_model_that_is_there_is_spoken_of() -> None:
    diverged = TrainingDiverged("loss was nan", step=2, epoch=1)
    assert "model" not in str(diverged)
    diverged.has_model = False
    assert "(epoch 1). No epoch left a model. Try a lower learning rate" in str(diverged)
    diverged.has_model = True
    assert "(epoch 1). The best model of the epochs before was kept. Try" in str(diverged)
