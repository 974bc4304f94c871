"""How far back a network learns: the gradient of single losses, lag by lag, in every recurrent layer.

The losses are single ones, `L_t`. In a summed loss every lag of one word's loss is lag 0 of another's, and what a
network forgets stays hidden.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from rnnzoo.models.arguments import whole
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow
from rnnzoo.tuning.diagnosis.layer_measurement import LayerMeasurement
from rnnzoo.tuning.diagnosis.layers_of_models import words_known
from rnnzoo.tuning.diagnosis.single_losses import Loss
from rnnzoo.tuning.diagnosis.text_windows import random_windows
from rnnzoo.tuning.diagnosis.traced_model import TracedModel
from rnnzoo.tuning.known_ids import check_ids

__all__ = ["broken_weights", "check_known", "gradient_flow", "gradient_flow_of_rows"]


def gradient_flow(
    model: keras.Model,
    tokens: npt.NDArray[np.integer],
    *,
    lags: int = 200,
    positions: int = 64,
    seed: int = 0,
    warm_up: int = 50,
    loss: Loss | None = None,
    jacobian_positions: int = 2,
) -> GradientFlow:
    """Measure how far back the predictions of a corpus's words reach.

    At each of the sampled positions t the network reads the text up to there and predicts the next word. One pass back
    from that one loss gives, in float64 whatever the model's own precision is, the total derivative by the state of
    every layer at every earlier word (through all later steps and all layers above), and the term that each step adds
    to the gradient of each weight.

    Args:
        model: a language model of the zoo, or any Keras model that maps token ids (batch, time) to the next word's
            logits or probabilities, made of `keras.layers.SimpleRNN`, `LSTM`, `GRU`, `RNN` or of the zoo's layers.
        tokens: (tokens,) ids of a corpus.
        lags: K, how many words back to look.
        positions: how many losses; 64 make the quartiles steady.
        seed: of the positions.
        warm_up: how many words stand in front of the K + 1, so that lag K does not meet the state that no text left;
            50, or what the corpus has. Their own terms are left out.
        loss: see `single_losses`; the cross-entropy of the next word.
        jacobian_positions: for how many of the positions the Jacobian products are written out; 2, since they are most
            of the work.

    Raises:
        ValueError: if the model has no recurrent layers or one that reads backwards, the corpus is too short, or it
            holds ids that the model does not know.

    Example:
        >>> from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
        >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not"]])
        >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
        >>> flow = gradient_flow(model, np.arange(100) % 6, lags=20, positions=4)
        >>> [layer.name for layer in flow.layers], flow.layers[0].hidden.median.shape
        (['irnn_0'], (21,))
    """
    windows = random_windows(tokens, lags=lags, positions=positions, seed=seed, warm_up=warm_up)
    check_known(model, windows.inputs)
    return gradient_flow_of_rows(
        model,
        windows.inputs,
        windows.targets,
        lags=lags,
        loss=loss,
        jacobian_positions=jacobian_positions,
        positions=tuple(int(position) for position in windows.positions),
    )


def gradient_flow_of_rows(
    model: keras.Model,
    inputs: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    lags: int | None = None,
    loss: Loss | None = None,
    jacobian_positions: int = 2,
    positions: tuple[int, ...] = (),
) -> GradientFlow:
    """As `gradient_flow`, for rows that are there already: sequences of a task, of ids or of numbers.

    Args:
        model, loss, jacobian_positions: as in `gradient_flow`.
        inputs: (rows, time, …) what the model reads; lag 0 is the last step.
        targets: (rows, …) what belongs to each row.
        lags: how many steps back to look; all that there are.
        positions: where the rows come from, for the result.

    Raises:
        ValueError: as `gradient_flow`; if a row has fewer than lags + 1 steps; if the targets are no words, and no loss
            is given.
    """
    inputs, targets = np.asarray(inputs), np.asarray(targets)
    if inputs.ndim < 2:
        raise ValueError(f"inputs must be rows of steps, (rows, time, …), but got shape {inputs.shape}.")
    rows, time = inputs.shape[:2]
    lags = time - 1 if lags is None else lags
    lags = whole("lags", lags, least=1)
    jacobian_positions = whole("jacobian_positions", jacobian_positions, least=1)
    if time < lags + 1 or not rows:
        raise ValueError(f"every row must have at least lags + 1 steps, but got shape {inputs.shape} for {lags=}.")
    traced = TracedModel(model, inputs[:1], loss)
    losses: list[npt.NDArray[np.float64]] = []
    layers = [
        LayerMeasurement(layer, step, lags, jacobian_positions)
        for layer, step in zip(traced.layers, traced.steps, strict=True)
    ]
    for row_losses, recordings in traced.run(inputs, targets):
        losses.append(row_losses.numpy())
        for layer, recording in zip(layers, recordings, strict=True):
            layer.add(recording, len(row_losses))
    return GradientFlow(
        layers=tuple(layer.result() for layer in layers),
        lags=lags,
        positions=positions,
        warm_up=time - lags - 1,
        loss=float(np.concatenate(losses).mean()),
        broken_weights=broken_weights(model),
    )


def broken_weights(model: keras.Model) -> dict[str, int]:
    """The weights that hold NaN or infinity, and how many of their values are so."""
    counts = {weight.path: int((~np.isfinite(np.asarray(weight, np.float64))).sum()) for weight in model.weights}
    return {path: count for path, count in counts.items() if count}


def check_known(model: keras.Model, token_ids: npt.NDArray[np.integer]) -> None:
    """Raise a ValueError if a model has no vector for one of the ids."""
    words = words_known(model)
    if words is not None:
        check_ids(token_ids, words)
