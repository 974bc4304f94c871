"""The public measurement: what it says, what it leaves alone, and what it refuses."""

import json
import random
from typing import Any

import keras
import numpy as np
import pytest

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.flow_results import GradientFlow
from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow, gradient_flow_of_rows
from rnnzoo.tuning.diagnosis.traced_model import TracedModel
from rnnzoo.tuning.diagnosis.verdict import judge

VOCABULARY = Vocabulary.from_lines([[f"word{number}" for number in range(30)]])
TOKENS = np.random.default_rng(0).integers(len(VOCABULARY), size=400)


def model(network: str = "lstm", **options: Any) -> LanguageModel:
    keras.utils.set_random_seed(1)
    return LanguageModel(VOCABULARY, NetworkConfig(network=network, **{"units": 12, "layers": 2, **options}))


def measure(network: keras.Model, **options: Any) -> GradientFlow:
    return gradient_flow(network, TOKENS, **{"lags": 20, "positions": 5, "warm_up": 10, **options})


@pytest.fixture(scope="module")
def flow() -> GradientFlow:
    return measure(model())


def test_shares_add_up_and_quartiles_are_in_order(flow: GradientFlow) -> None:
    assert ("lstm_0", "lstm_1") == tuple(layer.name for layer in flow.layers)
    for layer in flow.layers:
        assert {"kernel", "recurrent_kernel", "bias"} == set(layer.weights)
        for weight in layer.weights.values():
            assert 1 == pytest.approx(weight.share.sum()) == pytest.approx(weight.size_share.sum())
            assert np.all(weight.norm > 0)
            assert weight.total > 0
        assert layer.cell is not None
        for state in (layer.hidden, layer.cell):
            assert (21,) == state.median.shape
            assert np.all(state.lower <= state.median)
            assert np.all(state.median <= state.upper)
            assert np.all(state.upper <= state.highest)
        for jacobian in (layer.jacobian, layer.cell_jacobian):
            assert jacobian is not None
            assert [1, 20] == [jacobian.lags[0], jacobian.lags[-1]]
            assert np.all(jacobian.smallest <= jacobian.median)
            assert np.all(jacobian.median <= jacobian.largest)
        assert {"input", "forget", "update", "output"} == set(layer.spectral_radii)


def test_one_position_in_one_pass_equals_many_in_several(flow: GradientFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a pass have nothing to do with each other, nor with the rows that fill up the last one."""
    monkeypatch.setattr("rnnzoo.tuning.diagnosis.traced_model._NUMBERS_PER_PASS", 25_000)
    traced = TracedModel(model(), TOKENS[np.newaxis, :31].astype(np.int32))
    assert 1 < traced._most_rows < 5
    cut = measure(model())
    for whole, part in zip(flow.layers, cut.layers, strict=True):
        np.testing.assert_allclose(part.hidden.median, whole.hidden.median, rtol=1e-9)
        np.testing.assert_allclose(part.weights["kernel"].share, whole.weights["kernel"].share, rtol=1e-6, atol=1e-12)


def test_json_holds_everything(flow: GradientFlow) -> None:
    described = json.loads(json.dumps(flow.as_dict(), allow_nan=False))
    assert list(flow.layers[0].hidden.median) == described["layers"][0]["hidden"]["median"]
    assert flow.layers[0].spectral_radius == described["layers"][0]["spectral_radius"]
    assert {"layers", "lags", "positions", "warm_up", "loss", "broken_weights"} == set(described)


def test_seeds_choose_the_positions(flow: GradientFlow) -> None:
    again, other = measure(model()), measure(model(), seed=1)
    assert flow.positions == again.positions != other.positions
    np.testing.assert_array_equal(flow.layers[0].hidden.median, again.layers[0].hidden.median)
    assert len(set(flow.positions)) == 5


def test_the_model_and_the_dice_are_left_as_they_were() -> None:
    network = model()
    weights, state = network.get_weights(), random.getstate()
    policy = keras.config.dtype_policy()
    before = network(TOKENS[np.newaxis, :20])
    measure(network)
    assert state == random.getstate()
    assert policy == keras.config.dtype_policy()
    np.testing.assert_array_equal(before, network(TOKENS[np.newaxis, :20]))
    for old, new in zip(weights, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_loss_is_that_of_the_model() -> None:
    """In float64 and without dropout, at the very positions."""
    network = model(dropout=0.5)
    flow = measure(network)
    inputs = np.stack([TOKENS[position - 30 : position + 1] for position in flow.positions])
    targets = TOKENS[np.array(flow.positions) + 1]
    expected = keras.losses.sparse_categorical_crossentropy(targets, network(inputs)[:, -1], from_logits=True)
    assert flow.loss == pytest.approx(np.mean(expected), rel=1e-5)


def test_rows_of_numbers() -> None:
    """A task that is not text: sequences of numbers, and a loss of one's own."""
    layers = [keras.layers.Input((None, 2)), keras.layers.LSTM(4), keras.layers.Dense(1)]
    inputs, targets = np.random.default_rng(0).normal(size=(6, 15, 2)), np.ones((6, 1))
    flow = gradient_flow_of_rows(
        keras.Sequential(layers), inputs, targets, loss=lambda wanted, got: keras.losses.mean_squared_error(wanted, got)
    )
    assert 14 == flow.lags
    assert (15,) == flow.layers[0].hidden.median.shape


@pytest.mark.parametrize("network", ["simple_rnn_tanh", "lstm"])
def test_broken_weights_are_named(network: str) -> None:
    broken = model(network)
    kernel = broken.recurrent_layers[0].cell.recurrent_kernel
    kernel.assign(np.where(np.eye(*kernel.shape), np.nan, kernel.numpy()))
    flow = measure(broken)
    assert {kernel.path: 12} == dict(flow.broken_weights)
    assert np.isnan(flow.layers[0].hidden.median).any()
    assert np.isnan(flow.layers[0].half_life)
    assert np.isnan(flow.layers[0].spectral_radius)
    json.dumps(flow.as_dict(), allow_nan=False)


def test_an_explosion_past_all_numbers_is_measured_too() -> None:
    network = model("simple_rnn_relu", layers=1)
    kernel = network.recurrent_layers[0].cell.recurrent_kernel
    kernel.assign(1e30 * np.ones(kernel.shape))
    flow = measure(network)
    assert not flow.broken_weights
    assert "exploding" == judge(Evidence.gather(flow=flow)).name
    json.dumps(flow.as_dict(), allow_nan=False)


def test_a_short_corpus_gives_all_the_positions_it_has() -> None:
    flow = gradient_flow(model(), TOKENS[:25], lags=20, positions=10)
    assert {20, 21, 22, 23} == set(flow.positions)
    assert 0 == flow.warm_up


def dense() -> keras.Model:
    return keras.Sequential([keras.layers.Input((None,)), keras.layers.Embedding(32, 3), keras.layers.Dense(32)])


def bidirectional() -> keras.Model:
    both = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))
    return keras.Sequential([keras.layers.Input((None,)), keras.layers.Embedding(32, 3), both, keras.layers.Dense(32)])


def stacked(cell: type[keras.layers.Layer]) -> keras.Model:
    cells = keras.layers.RNN([cell(3), cell(3)])
    return keras.Sequential([keras.layers.Input((None,)), keras.layers.Embedding(32, 3), cells, keras.layers.Dense(32)])


def foreign(words: int = 32) -> keras.Model:
    layers = [keras.layers.Embedding(32, 3), keras.layers.LSTM(3), keras.layers.Dense(words)]
    return keras.Sequential([keras.layers.Input((None,)), *layers])


def unbuilt() -> keras.Model:
    return keras.Sequential([keras.layers.Embedding(32, 3), keras.layers.LSTM(3), keras.layers.Dense(32)])


def two_headed() -> keras.Model:
    words = keras.layers.Input((None,))
    hidden = keras.layers.LSTM(3)(keras.layers.Embedding(32, 3)(words))
    return keras.Model(words, [keras.layers.Dense(32)(hidden), keras.layers.Dense(32)(hidden)], name="two")


class Unrebuildable(keras.Model):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.inner = keras.layers.LSTM(units)
        self.inner.build((None, None, 1))
        self.built = True


@pytest.mark.parametrize(
    ("make", "options", "complaint"),
    [
        (dense, {}, "the model must have a recurrent layer, but .* has none"),
        (bidirectional, {}, "recurrent layers must read forwards, but backward_lstm.* reads backwards"),
        (lambda: stacked(keras.layers.LSTMCell), {}, "a recurrent layer must hold one cell, but got StackedRNNCells"),
        (lambda: stacked(keras.layers.SimpleRNNCell), {}, "must hold one cell, but got StackedRNNCells"),
        (two_headed, {}, "the model must have one output, but two has 2"),
        (unbuilt, {}, "the model must be built"),
        (lambda: Unrebuildable(3), {}, "must be rebuildable from its configuration .*, but Unrebuildable is not"),
        (model, {"lags": 399}, r"at least lags \+ 2 tokens, but got 400 tokens for lags=399"),
        (model, {"lags": 0}, "lags must be a positive integer, but got lags=0"),
        (model, {"positions": 2.5}, "positions must be a positive integer, but got positions=2.5"),
        (model, {"warm_up": -1}, "warm_up must be an integer of at least 0, but got warm_up=-1"),
        (model, {"jacobian_positions": 0}, "jacobian_positions must be a positive integer"),
        (model, {"tokens": TOKENS + 1}, "ids from 0 to 31, the model's words, but got ids from"),
        (model, {"tokens": TOKENS / 2}, "tokens must be one row of ids, but got float64"),
        (model, {"tokens": TOKENS.reshape(2, 200)}, "tokens must be one row of ids"),
        (model, {"loss": lambda targets, outputs: outputs}, "one number for each row"),
        (foreign, {"tokens": TOKENS + 1}, "ids from 0 to 31, the model's words, but got ids from"),
        (lambda: foreign(30), {}, "targets must be words, integers from 0 to 29, or come with a loss, but got int"),
        (lambda: foreign(1), {}, r"puts out one number and came without \(loss=\)"),
    ],
)
def test_bad_input(make: Any, options: dict[str, Any], complaint: str) -> None:
    options = {"tokens": TOKENS, "lags": 20, "positions": 200, **options}
    with pytest.raises(ValueError, match=complaint) as raised:
        gradient_flow(make(), options.pop("tokens"), **options)
    assert "\n" not in str(raised.value)


def test_numbers_are_no_words_and_lists_are_rows() -> None:
    layers = [keras.layers.Input((None, 1)), keras.layers.LSTM(3), keras.layers.Dense(4)]
    numbers, rows = keras.Sequential(layers), [[[0.5], [0.1], [0.2]]]
    with pytest.raises(
        ValueError, match="targets must be words, integers from 0 to 3, or come with a loss, but got fl"
    ):
        gradient_flow_of_rows(numbers, rows, [0.5])
    assert 2 == gradient_flow_of_rows(numbers, rows, [1]).lags
    assert 0 < gradient_flow_of_rows(numbers, rows, [[0.5] * 4], loss="mse").loss
    with pytest.raises(ValueError, match=r"inputs must be rows of steps, .*, but got shape \(3,\)"):
        gradient_flow_of_rows(numbers, [0.5, 0.1, 0.2], [1])
