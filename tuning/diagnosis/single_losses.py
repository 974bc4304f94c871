"""Single losses: what one prediction of each row costs, the last one of its window."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.language_model import LanguageModel

__all__ = ["Loss", "RowLosses", "check_targets", "numbers_per_row", "single_losses", "words_told_apart"]

Loss = str | Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""targets (b, …), outputs (b, …) → (b,); or the name of one of Keras's that does so."""

RowLosses = Callable[[Any, tf.Tensor, tf.Tensor], tf.Tensor]
"""model, inputs (b, t, …), targets (b, …) → the loss of each row (b,), none of which depends on another row."""


def single_losses(model: keras.Model, example: Any, loss: Loss | None = None) -> RowLosses:
    """The loss of the last step of each row; where the model gives no sequence, of its output.

    Args:
        model: a language model, or any Keras model with one output.
        example: inputs that tell what it gives.
        loss: what compares targets and outputs; the default is the cross-entropy of the next word in nats, on logits,
            or on probabilities where the outputs for the example are so: none is negative, and they add up to 1.

    Raises:
        ValueError: if the model has several outputs.
    """
    if loss is None and isinstance(model, LanguageModel):
        return _language_losses
    compare = keras.losses.get(loss or _cross_entropy(_are_probabilities(_output(model, example))))

    def row_losses(model: Any, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        outputs = _output(model, inputs)
        losses = compare(targets, outputs[:, -1] if outputs.shape.rank == 3 else outputs)
        if losses.shape.rank != 1:
            raise ValueError(
                "the loss must be one number for each row (a loss of Keras's with reduction=None), "
                f"but its shape is {losses.shape}."
            )
        return losses

    return row_losses


def _language_losses(model: LanguageModel, token_ids: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """The logits of the last step alone: those of all steps would be most of the work."""
    hidden, _ = model.encode(token_ids)
    logits = tf.cast(model.logits(hidden[:, -1]), tf.float64)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)


def numbers_per_row(model: keras.Model, example: Any) -> int:
    """How many numbers the losses of a row take: the outputs of all its steps, four times on the way there and back."""
    return (
        len(model.vocabulary) if isinstance(model, LanguageModel) else 4 * int(np.prod(_output(model, example).shape))
    )


def words_told_apart(model: keras.Model, example: Any) -> int:
    """How many words a model without a loss of its own predicts: it puts out a number for each.

    Raises:
        ValueError: if it puts out a single number, or has several outputs.
    """
    if isinstance(model, LanguageModel):
        return len(model.vocabulary)
    words = int(_output(model, example).shape[-1])
    if words < 2:
        raise ValueError(
            f"a model must put out a number for each word, or come with a loss, but {model.name} puts out one number "
            "and came without (loss=)."
        )
    return words


def check_targets(targets: npt.NDArray[Any], words: int) -> None:
    """Raise a ValueError if targets are not words, of which there are so many."""
    if not np.issubdtype(targets.dtype, np.integer) or not 0 <= targets.min() <= targets.max() < words:
        raise ValueError(
            f"targets must be words, integers from 0 to {words - 1}, or come with a loss, but got {targets.dtype} from "
            f"{targets.min()} to {targets.max()} and none (loss=)."
        )


def _output(model: keras.Model, inputs: Any) -> tf.Tensor:
    output = model(inputs, training=False)
    if not tf.is_tensor(output):
        raise ValueError(f"the model must have one output, but {model.name} has {len(output)}.")
    return output


def _cross_entropy(on_probabilities: bool) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    return lambda targets, outputs: keras.losses.sparse_categorical_crossentropy(
        targets, outputs, from_logits=not on_probabilities
    )


def _are_probabilities(outputs: tf.Tensor) -> bool:
    """Looked at rather than concluded from the layers: a softmax can hide in any of them."""
    values = np.asarray(outputs)
    return bool(np.all(values >= 0) and np.allclose(values.sum(axis=-1), 1.0, rtol=0.0, atol=1e-4))
