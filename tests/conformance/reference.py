"""The networks as their papers write them: one step each, in plain NumPy, without TensorFlow.

Each step is a pure function `step(inputs, states, weights, **constants) -> (output, states)`. `unroll` walks it through
time, `gradients` differentiates it. Axes: b = batch, t = time, f = features, u = units.

Gradients come by complex step (Squire & Trapp 1998): `Im f(x + ih) / h` is `f'(x)` to machine precision for any `h`
small enough that `h²` vanishes, so no step size has to be guessed and no subtraction cancels. The price: each function
here must be analytic in its branch, hence comparisons look at the real part alone, and `|x|²` is written `x * x`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "batch_normalized_rnn_step",
    "gradients",
    "gru_step",
    "layer_normalized_rnn_step",
    "leaky_relu",
    "lstm_step",
    "normalized_gru_step",
    "normalized_lstm_step",
    "relu",
    "rnn_step",
    "skip_rnn_step",
    "skip_update_step",
    "unroll",
]

Array = NDArray[Any]  # float64, or complex128 while a derivative is taken
Weights = Mapping[str, Array]
States = list[Array]
Step = Callable[[Array, States, Weights], tuple[Array, States]]

COMPLEX_STEP = 1e-30
EPSILON = 1e-5  # added to variances: Ba et al.'s code


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def relu(values: Array) -> Array:
    return np.where(values.real > 0, values, 0)


def leaky_relu(values: Array, slope: float) -> Array:
    """The slope in float32, which is how TensorFlow's operation stores it, whatever the values are."""
    return np.where(values.real > 0, values, float(np.float32(slope)) * values)


def straight_through_round(values: Array) -> Array:
    """0 or 1 forward, and the gradient of the identity: a complex number carries the two side by side."""
    rounded = np.where(values.real >= 0.5, 1.0, 0.0)
    return rounded + 1j * values.imag if np.iscomplexobj(values) else rounded


def normalize(site: str, values: Array, weights: Weights, statistics: str, counter: Array | None = None) -> Array:
    """`gain · (values - μ) / σ + bias`, the gain and the bias of the site.

    `statistics` says whose μ and σ: "layer" those of each row (Ba et al. 2016), "batch" those of each column,
    "population" those learned for this time step, where late steps share the last (Cooijmans et al. 2017).
    """
    if statistics == "population":
        assert counter is not None
        learned = weights[f"{site}_moving_mean"]
        slots = np.minimum(counter[:, 0].real.astype(int), len(learned) - 1)
        mean, variance = learned[slots], weights[f"{site}_moving_variance"][slots]
    else:
        axis = {"layer": -1, "batch": 0}[statistics]
        mean = values.mean(axis=axis, keepdims=True)
        variance = ((values - mean) * (values - mean)).mean(axis=axis, keepdims=True)
    return weights[f"{site}_gain"] * (values - mean) / np.sqrt(variance + EPSILON) + weights.get(f"{site}_bias", 0)


def rnn_step(
    inputs: Array, states: States, weights: Weights, activation: Callable[[Array], Array] = np.tanh
) -> tuple[Array, States]:
    """`h = φ(x W + h U + b)`: Elman 1990; with ReLU, an identity `U` and `b = 0` it is Le, Jaitly & Hinton's IRNN."""
    (hidden,) = states
    hidden = activation(inputs @ weights["kernel"] + hidden @ weights["recurrent_kernel"] + weights["bias"])
    return hidden, [hidden]


def skip_rnn_step(
    inputs: Array,
    states: States,
    weights: Weights,
    activation: Callable[[Array], Array] = np.tanh,
    dilated: bool = False,
) -> tuple[Array, States]:
    """`h[t] = φ(x W + h[t-1] U + h[t-s] V + b)` (Zhang et al. 2016); dilated drops `h[t-1]` (Chang et al. 2017).

    The state holds the last `s` hidden vectors side by side, the newest first: (b, s·u).
    """
    (history,) = states
    units = weights["bias"].shape[0]
    newest, oldest = history[:, :units], history[:, -units:]
    if dilated:
        recurrent = oldest @ weights["recurrent_kernel"]
    else:
        near, far = weights["recurrent_kernel"][:units], weights["recurrent_kernel"][units:]
        recurrent = newest @ near + oldest @ far
    hidden = activation(inputs @ weights["kernel"] + recurrent + weights["bias"])
    return hidden, [np.concatenate([hidden, history[:, :-units]], axis=1)]


def lstm_step(inputs: Array, states: States, weights: Weights) -> tuple[Array, States]:
    """Hochreiter & Schmidhuber 1997 with Gers' forget gate. i = input, f = forget, g = cell updates, o = output."""
    hidden, cell = states
    gates = inputs @ weights["kernel"] + hidden @ weights["recurrent_kernel"] + weights["bias"]
    i, f, g, o = np.split(gates, 4, axis=1)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(cell)
    return hidden, [hidden, cell]


def gru_step(inputs: Array, states: States, weights: Weights) -> tuple[Array, States]:
    """Cho et al. 2014, the reset after the product as in cuDNN. z = keep, r = reset, c = candidate."""
    (hidden,) = states
    input_bias, recurrent_bias = weights["bias"]
    return _gru_gates(
        inputs @ weights["kernel"] + input_bias, hidden @ weights["recurrent_kernel"] + recurrent_bias, hidden
    )


def _gru_gates(projected: Array, recurrent: Array, hidden: Array) -> tuple[Array, States]:
    input_z, input_r, input_c = np.split(projected, 3, axis=1)
    recurrent_z, recurrent_r, recurrent_c = np.split(recurrent, 3, axis=1)
    z = sigmoid(input_z + recurrent_z)
    r = sigmoid(input_r + recurrent_r)
    candidate = np.tanh(input_c + r * recurrent_c)
    hidden = z * hidden + (1 - z) * candidate
    return hidden, [hidden]


def skip_update_step(inputs: Array, states: States, weights: Weights, inner: Step = lstm_step) -> tuple[Array, States]:
    """`u = round(ũ)`, `s = u · S(s, x) + (1 - u) · s` around any step S: Campos et al. 2018, equations 2 to 5."""
    *old_states, probability = states
    _, candidates = inner(inputs, old_states, weights)
    update = straight_through_round(probability)  # (b, 1)
    kept = [update * new + (1 - update) * old for new, old in zip(candidates, old_states, strict=True)]
    increment = sigmoid(kept[-1] @ weights["update_kernel"] + weights["update_bias"])  # the LSTM's reads the cell
    room = 1 - probability
    grown = probability + np.where(increment.real < room.real, increment, room)
    return kept[0], [*kept, update * increment + (1 - update) * grown]


def layer_normalized_rnn_step(
    inputs: Array, states: States, weights: Weights, activation: Callable[[Array], Array] = np.tanh
) -> tuple[Array, States]:
    """`h = φ(LN(x W + h U) + b)`: Ba, Kiros & Hinton 2016, equation 4."""
    (hidden,) = states
    summed = inputs @ weights["kernel"] + hidden @ weights["recurrent_kernel"]
    hidden = activation(normalize("sum", summed, weights, "layer"))
    return hidden, [hidden]


def batch_normalized_rnn_step(inputs: Array, states: States, weights: Weights, statistics: str) -> tuple[Array, States]:
    """`h = tanh(BN(x W) + BN(h U) + b)`, after Cooijmans et al. 2017. The last state counts the steps."""
    hidden, counter = states
    projected, recurrent = _normalized_products(inputs, hidden, weights, statistics, counter)
    hidden = np.tanh(projected + recurrent)
    return hidden, [hidden, counter + 1]


def normalized_lstm_step(
    inputs: Array, states: States, weights: Weights, statistics: str = "layer"
) -> tuple[Array, States]:
    """Ba, Kiros & Hinton 2016, equations 20 to 22; Cooijmans et al. 2017, 6 to 8: h U, x W and the cell, each apart."""
    hidden, cell, *counter = states
    projected, recurrent = _normalized_products(inputs, hidden, weights, statistics, *counter)
    i, f, g, o = np.split(projected + recurrent, 4, axis=1)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(normalize("cell", cell, weights, statistics, *counter))
    return hidden, [hidden, cell, *(count + 1 for count in counter)]


def normalized_gru_step(
    inputs: Array, states: States, weights: Weights, statistics: str = "layer"
) -> tuple[Array, States]:
    hidden, *counter = states
    projected, recurrent = _normalized_products(inputs, hidden, weights, statistics, *counter)
    hidden, _ = _gru_gates(projected, recurrent, hidden)
    return hidden, [hidden, *(count + 1 for count in counter)]


def _normalized_products(
    inputs: Array, hidden: Array, weights: Weights, statistics: str, counter: Array | None = None
) -> tuple[Array, Array]:
    projected = normalize("input", inputs @ weights["kernel"], weights, statistics, counter)
    recurrent = normalize("recurrent", hidden @ weights["recurrent_kernel"], weights, statistics, counter)
    return projected, recurrent


def unroll(
    step: Step,
    inputs: Array,
    states: Sequence[Array],
    weights: Weights,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, States]:
    """Walk `step` over the time axis of `inputs` (b, t, f): outputs (b, t, u) and the last states.

    Keras's rule for masked steps: states stay, and the last output is repeated, zeros before there was one.
    """
    current = list(states)
    outputs: list[Array] = []
    for time in range(inputs.shape[1]):
        output, after = step(inputs[:, time], current, weights)
        if mask is not None:
            shown = mask[:, time, np.newaxis]  # (b, 1)
            output = np.where(shown, output, outputs[-1] if outputs else 0.0)
            after = [np.where(shown, new, old) for new, old in zip(after, current, strict=True)]
        current = after
        outputs.append(output)
    return np.stack(outputs, axis=1), current


def gradients(loss: Callable[[list[Array]], Any], arrays: Sequence[Array]) -> list[Array]:
    """The gradient of a scalar `loss(arrays)` for every entry of every array, by complex step.

    >>> [gradient] = gradients(lambda arrays: (arrays[0] ** 3).sum(), [np.array([1.0, 2.0])])
    >>> gradient
    array([ 3., 12.])
    """
    points = [array.astype(np.complex128) for array in arrays]
    results = []
    for point in points:
        result = np.empty(point.shape)
        for index in np.ndindex(point.shape):
            value = point[index]
            point[index] = value + COMPLEX_STEP * 1j
            result[index] = loss(points).imag / COMPLEX_STEP
            point[index] = value
        results.append(result)
    return results
