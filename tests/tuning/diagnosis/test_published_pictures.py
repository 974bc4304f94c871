"""What the literature says about gradients must come out when it is measured."""

import keras
import numpy as np
import pytest

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning.diagnosis.flow_results import LayerFlow
from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow, gradient_flow_of_rows

VOCABULARY = Vocabulary.from_lines([[f"word{number}" for number in range(98)]])
TOKENS = np.random.default_rng(0).integers(len(VOCABULARY), size=2000)
LAGS = 60


def untrained(network: str, spread: float | None = None, **options: object) -> LayerFlow:
    """The layer of a new network of 32 units; `spread`: recurrent weights N(0, spread² / units)."""
    keras.utils.set_random_seed(4)
    model = LanguageModel(VOCABULARY, NetworkConfig(network=network, units=32, **options))
    if spread is not None:
        kernel = model.recurrent_layers[0].cell.recurrent_kernel
        kernel.assign(np.random.default_rng(1).normal(scale=spread / np.sqrt(32), size=kernel.shape))
    (layer,) = gradient_flow(model, TOKENS, lags=LAGS, positions=16).layers
    return layer


def linear_network(kernel: np.ndarray) -> LayerFlow:
    units = len(kernel)
    layer = keras.layers.SimpleRNN(units, "linear", return_sequences=True)
    model = keras.Sequential([keras.layers.Input((None, 3)), layer, keras.layers.Dense(1)])
    layer.cell.recurrent_kernel.assign(kernel)
    random = np.random.default_rng(2)
    (flow,) = gradient_flow_of_rows(
        model,
        random.normal(size=(8, 201, 3)),
        random.normal(size=(8, 1)),
        loss=keras.losses.MeanSquaredError(reduction=None),
    ).layers
    return flow


def rotation(units: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(0).normal(size=(units, units)))[0]


@pytest.mark.parametrize("radius", [0.5, 0.9, 1.0, 1.1])
def test_a_linear_network_decays_with_its_spectral_radius(radius: float) -> None:
    """All eigenvalues on one circle: `‖∂L_t/∂h_{t-k}‖ = radius^k ‖∂L_t/∂h_t‖` exactly."""
    flow = linear_network(radius * rotation(10))
    assert radius == pytest.approx(flow.spectral_radius, rel=1e-6)
    assert radius == pytest.approx(flow.hidden.factor, rel=1e-6)
    np.testing.assert_allclose(flow.hidden.median / flow.hidden.median[0], radius ** np.arange(201), rtol=2e-5)
    np.testing.assert_allclose(flow.jacobian.largest, radius ** flow.jacobian.lags.astype(float), rtol=2e-5)
    np.testing.assert_allclose(flow.jacobian.smallest, flow.jacobian.largest, rtol=2e-5)


def test_a_linear_network_ends_with_its_largest_eigenvalue() -> None:
    """A kernel of many eigenvalues, 0.95 the largest: the others are over first."""
    basis = rotation(10)
    flow = linear_network(basis @ np.diag([0.95, *np.linspace(-0.6, 0.6, 9)]) @ basis.T)
    late = flow.hidden.median[100:]
    np.testing.assert_allclose(late[1:] / late[:-1], 0.95, rtol=1e-5)
    assert 0.95 == pytest.approx(flow.spectral_radius, rel=1e-6)


def test_tanh_decays_exponentially() -> None:
    """The logarithm falls along a line: the first half of the lags tells the second."""
    flow = untrained("simple_rnn_tanh", spread=0.7)
    logarithms = np.log(flow.hidden.median)
    lags = np.arange(LAGS + 1)
    slope, intercept = np.polyfit(lags, logarithms, 1)
    residual = logarithms - (slope * lags + intercept)
    assert 0.995 < 1 - residual.var() / logarithms.var()
    assert flow.hidden.factor < flow.spectral_radius < 0.9
    assert flow.half_life < 5


def test_forget_biases_slow_the_decay() -> None:
    """Jozefowicz et al. 2015: a forget gate that starts open; Tallec & Ollivier 2018: for as long as is needed."""
    tanh = untrained("simple_rnn_tanh", spread=0.7)
    lstm = untrained("lstm")
    chrono = untrained("lstm", longest_lag=200)
    assert tanh.half_life < lstm.half_life < chrono.half_life
    assert lstm.cell is not None
    assert 0.7 < lstm.cell.factor < 1  # σ(1) = 0.73 is the share of the cell that each step keeps
    assert tanh.horizon < lstm.horizon < chrono.horizon


def test_a_new_irnn_is_flat() -> None:
    flow = untrained("irnn")
    assert 0.98 < flow.hidden.factor <= 1.001
    assert flow.hidden.median[LAGS] > 0.5 * flow.hidden.median[0]
    assert LAGS * 0.85 < flow.horizon


def test_relu_of_a_large_radius_grows() -> None:
    flow = untrained("simple_rnn_relu", spread=2.5)
    assert flow.spectral_radius > 2
    assert 1.1 < flow.hidden.factor
    assert np.inf == flow.half_life
    assert flow.hidden.median[LAGS] > 1e3 * flow.hidden.median[0]
    assert flow.weights["bias"].size_share[-10:].sum() > 0.5  # what is oldest outshouts the rest
    # In the recurrent kernel's terms the states, which grow with time, make up for it.
    np.testing.assert_allclose(flow.weights["recurrent_kernel"].size_share[5:], 1 / (LAGS + 1), rtol=0.2)


def test_an_edge_that_skips_time_carries_further() -> None:
    """Zhang et al. 2016: the same recurrent weights, with a second edge from five steps back."""
    plain, skipping = untrained("simple_rnn_tanh", spread=0.5), untrained("skip_rnn", spread=0.5, skip=5)
    assert 2 * plain.half_life < skipping.half_life
    assert 2 * plain.horizon < skipping.horizon
