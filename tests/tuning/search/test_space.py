"""The pairs of network and recipe that a search tries."""

import json
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.tuning.search.space import Space
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

Pair = tuple[NetworkConfig, TrainingConfig]
LSTM = [NetworkConfig(network="lstm")]


def draws(space: Space, folder: Path, trials: int = 60) -> list[tuple[dict[str, Any], Pair]]:
    """What KerasTuner's random search makes of a space: the active values of each trial, and the pair."""
    drawn: list[tuple[dict[str, Any], Pair]] = []

    class Declaring(keras_tuner.RandomSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            drawn.append((dict(trial.hyperparameters.values), space.declare(trial.hyperparameters)))
            return 1.0

    Declaring(space.declare, "val_loss", max_trials=trials, seed=1, directory=folder).search(verbose=0)
    return drawn


def test_keras_tuner_draws_exactly_what_means_something(tmp_path: Path) -> None:
    networks = [NetworkConfig(network=name) for name in ("lstm", "skip_rnn", "simple_rnn_leaky_relu")]
    texts = ["skip=2:8", "negative_slope=0.01:0.5", "units=16:64:log", "schedule=constant,cosine", "warmup=0:0.2"]
    drawn = draws(Space(networks, TrainingConfig(), texts), tmp_path)
    assert 60 == len(drawn)
    for values, (network, training) in drawn:
        expected = {"network", "units", "schedule"}
        expected |= {"skip"} if network.network == "skip_rnn" else set()
        expected |= {"negative_slope"} if network.network == "simple_rnn_leaky_relu" else set()
        expected |= {"warmup"} if training.schedule == "cosine" else set()
        assert expected == set(values)
        pair = {**network.as_dict(), **training.as_dict()}
        assert values == {name: pair[name] for name in values}
    assert {"lstm", "skip_rnn", "simple_rnn_leaky_relu"} == {network.network for _, (network, _) in drawn}


def test_what_is_not_searched_stays_as_it_is(tmp_path: Path) -> None:
    network, training = NetworkConfig(network="gru", layers=2, units=32), TrainingConfig(corpus="recall", window=7)
    _, pair = draws(Space([network], training, ["dropout=0:0.5"]), tmp_path, trials=1)[0]
    assert (network, training) == (NetworkConfig(**{**pair[0].as_dict(), "dropout": network.dropout}), pair[1])


@pytest.mark.parametrize("name", CLIPPINGS)
def test_a_searched_way_of_clipping_replaces_the_recipes(name: str, tmp_path: Path) -> None:
    drawn = draws(Space(LSTM, TrainingConfig(clipvalue=3.0, global_clipnorm=None), [f"{name}=none,1.5"]), tmp_path)
    assert [{}, {name: 1.5}] == sorted((training.clipping for _, (_, training) in drawn), key=len)


def test_a_single_value_holds_in_every_trial_whose_network_takes_it(tmp_path: Path) -> None:
    space = Space([*LSTM, NetworkConfig(network="skip_rnn")], TrainingConfig(), ["skip=5", "units=8"])
    drawn = draws(space, tmp_path)
    assert {("lstm", 8, None), ("skip_rnn", 8, 5)} == {
        (pair[0].network, pair[0].units, pair[0].skip) for _, pair in drawn
    }
    assert [{"network"}, {"network"}] == [set(values) for values, _ in drawn]


def test_values_are_reported_as_users_write_them() -> None:
    space = Space(LSTM, TrainingConfig(), ["clipnorm=none,1.5", "units=8,16"])
    assert {"clipnorm": 1.5, "units": 8} == space.decode({"clipnorm": "1.5", "units": 8})
    assert {"clipnorm": None, "other": 1} == space.decode({"clipnorm": "none", "other": 1})


def test_a_description_is_strict_json_and_tells_spaces_apart() -> None:
    texts = ["units=8:16", "clipnorm=none,1"]
    described = Space(LSTM, TrainingConfig(), texts).describe()
    assert json.dumps(described, allow_nan=False) == json.dumps(Space(LSTM, TrainingConfig(), texts).describe())
    assert described != Space(LSTM, TrainingConfig(), ["units=8:17", "clipnorm=none,1"]).describe()
    assert described != Space(LSTM, TrainingConfig(window=9), texts).describe()
    assert described != Space([NetworkConfig(network="gru")], TrainingConfig(), texts).describe()


@pytest.mark.parametrize(
    ("networks", "texts", "message"),
    [
        ([], ["units=1:2"], "at least one network, but got none"),
        ([*LSTM, *LSTM], ["units=1:2"], "each network must be given once, but got lstm, lstm"),
        (LSTM, [], "must vary something, .* but got nothing for lstm"),
        (LSTM, ["units=8", "dropout=0.1"], "must vary something, .* but got units=8, dropout=0.1 for lstm"),
        (LSTM, ["dropout=0.5:1.5"], "dropout must be at least 0 and below 1, but got dropout=1.5"),
        (LSTM, ["normalization=layer,group"], "normalization must be 'layer' or 'batch', but got"),
        (LSTM, ["optimizer=sgd,adamw"], "optimizer must be one of sgd, adam, rmsprop, but got 'adamw'"),
        (LSTM, ["units=0:8"], "units must be a positive integer, but got units=0"),
        (LSTM, ["skip=2:8"], "skip is an option of skip_rnn, but got lstm"),
    ],
)
def test_mistakes_get_one_clear_line(networks: list[NetworkConfig], texts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Space(networks, TrainingConfig(), texts)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_default_space_is_for_all_networks(name: str, tmp_path: Path) -> None:
    values, (_, training) = draws(Space([NetworkConfig(network=name)], TrainingConfig()), tmp_path, trials=1)[0]
    assert {"learning_rate", "clipnorm"} == set(values)
    assert {"clipnorm": values["clipnorm"]} == training.clipping
