"""How large the gradient of each weight of a language model usually is."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.models.arguments import whole
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.evaluation.watching import Watch, watched_steps
from rnnzoo.tuning.known_ids import check_ids

__all__ = ["gradient_scales", "logits_and_gradients"]


def gradient_scales(
    model: LanguageModel,
    tokens: npt.NDArray[np.integer],
    batch_size: int = 20,
    window: int = 20,
    batches: int = 150,
    watch: Watch | None = None,
) -> list[tf.Tensor]:
    """The root mean square of the gradient of each trainable weight over windows of a text, without dropout.

    Args:
        model: whose weights; nothing about it changes.
        tokens: (tokens,) ids of the text that it was trained on, at least one window and one per row.
        batch_size: the number of rows of a batch, whose mean loss is what is differentiated.
        window: the number of words in each row of a batch. 20 rows of 20 words have 53 MB of logits over WikiText-2's
            vocabulary.
        batches: how many are looked at, from the beginning of each row; 150 see 60,000 words at the defaults.
        watch: told after each batch how many are looked at.

    Returns:
        One tensor for each of `model.trainable_variables`, of its shape.

    Raises:
        ValueError: if a number is not a positive integer, the text is too short, the weights are not float32, or the
            model does not know an id.

    >>> from rnnzoo.models import NetworkConfig, Vocabulary
    >>> model = LanguageModel(Vocabulary(["<unk>", "<eos>", "a", "b"]), NetworkConfig(network="irnn", units=8))
    >>> scales = gradient_scales(model, np.array([2, 3] * 10, np.int32), batch_size=2, window=5)
    >>> [tuple(scale.shape) for scale in scales] == [weight.shape for weight in model.trainable_variables]
    True
    """
    batches = whole("batches", batches, least=1)
    text = ContiguousBatches(tokens, batch_size, window)
    check_ids(text.tokens, len(model.vocabulary))
    read = tf.function(lambda *part: logits_and_gradients(model, *part)[1:], autograph=False)
    states = model.initial_states(batch_size)
    squares = [tf.zeros(weight.shape) for weight in model.trainable_variables]
    steps = min(batches, len(text))
    for step in watched_steps(steps, watch):
        gradients, states = read(*(tf.constant(part) for part in text[step]), states)
        squares = [total + tf.square(gradient) for total, gradient in zip(squares, gradients, strict=True)]
    return [tf.sqrt(total / steps) for total in squares]


def logits_and_gradients(
    model: LanguageModel, inputs: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, states: list[tf.Tensor]
) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
    """A window, its inputs, targets and weights (batch, window), read as in evaluation and looked back on.

    Returns:
        The logits, (batch * window, V); the gradient of the window's mean loss for each trainable weight, dense; the
        states after the window.

    Raises:
        ValueError: if the weights are not float32.
    """
    if model.variable_dtype != "float32":
        raise ValueError(
            f"a language model must have float32 weights to learn while it reads, but got {model.variable_dtype}."
        )
    weights = tf.reshape(weights, (-1,))
    with tf.GradientTape() as tape:
        hidden, new_states = model.encode(inputs, states)
        logits = model.logits(tf.reshape(tf.cast(hidden, tf.float32), (-1, hidden.shape[-1])))
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.reshape(targets, (-1,)), logits)
        loss = tf.reduce_sum(weights * nats) / tf.reduce_sum(weights)
    variables = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return logits, [tf.convert_to_tensor(gradient) for gradient in gradients], new_states
