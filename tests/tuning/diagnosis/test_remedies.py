"""Remedies can be taken as they stand: the command line accepts every argument, Keras every expression."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import rnnzoo
from rnnzoo.cli import app
from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.tuning.batches import ContiguousBatches
from rnnzoo.tuning.diagnosis.diagnoses import diagnose
from rnnzoo.tuning.diagnosis.evidence import Evidence
from rnnzoo.tuning.diagnosis.remedies import network_like, remedies_for
from rnnzoo.tuning.diagnosis.remedy import Remedy
from rnnzoo.tuning.diagnosis.verdict import VERDICTS, Finding, Verdict
from rnnzoo.tuning.optimization.optimizers import SGDAroundAdam
from rnnzoo.tuning.runs.run_folder import RunFolder
from rnnzoo.tuning.training_config import TrainingConfig

EVIDENCE = {
    "exploding": Evidence(first_factor=1.5, gradient_norms=[0.2, 0.3, 1e9], losses=[2.0] * 20),
    "oscillating": Evidence(first_factor=0.9, gradient_norms=[0.11, 0.12, 0.13]),
    "dead": Evidence(dead={"irnn": 1.0}),
    "vanishing": Evidence(factor=0.5, needed_lag=50),
    "stagnating": Evidence(gradient_norms=[3.0, 4.0], clipped_share=1.0),
    "healthy": Evidence(factor=0.95),
    "unmeasured": Evidence(),
}
# Networks that come with options which others do not know.
NETWORK_CONFIGS = (
    *(NetworkConfig(network=network) for network in NETWORKS),
    NetworkConfig(network="skip_rnn", skip=7, dilated=True),
    NetworkConfig(network="irnn", recurrent_scale=0.5),
    NetworkConfig(network="simple_rnn_relu", recurrent_initializer="identity", recurrent_scale=1.3),
    NetworkConfig(network="simple_rnn_leaky_relu", negative_slope=0.1, normalization="layer"),
    NetworkConfig(network="lstm", longest_lag=10, recurrent_initializer="np_rnn"),
    NetworkConfig(network="skip_update_gru", budget=0.1, normalization="layer"),
)


def verdict_of(name: str) -> Verdict:
    return Verdict(findings=(Finding(name=name, reason="made up", numbers={}),))


def all_remedies() -> list[tuple[NetworkConfig, TrainingConfig, Remedy]]:
    trainings = (
        TrainingConfig(),
        TrainingConfig(optimizer="sgd", clipnorm=1.0, global_clipnorm=None, window=10),
        TrainingConfig(optimizer="sgd", recurrent_learning_rate=2e-3, schedule="plateau"),
    )
    return [
        (network, training, remedy)
        for name, network, training in itertools.product(VERDICTS, NETWORK_CONFIGS, trainings)
        for remedy in remedies_for(verdict_of(name), EVIDENCE[name], network, training)
    ]


def test_the_command_line_takes_every_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each changes the configuration that it is given for; none is refused."""
    taken: list[tuple[NetworkConfig, TrainingConfig]] = []

    class TakenError(Exception):
        pass

    def take(network: NetworkConfig, training: TrainingConfig, *_: Any, **__: Any) -> None:
        taken.append((network, training))
        raise TakenError

    monkeypatch.setattr("rnnzoo.tuning.training.train", take)
    monkeypatch.setattr("rnnzoo.tuning.train", take, raising=False)
    runs: dict[tuple[str, str], RunFolder] = {}
    for network, training, remedy in all_remedies():
        key = (str(network), str(training))
        if key not in runs:
            runs[key] = RunFolder(tmp_path / f"run {len(runs)}")
            runs[key].create(network, training, {})
        arguments = ["train", *remedy.arguments, "--repeat", str(runs[key].path), "--output", str(tmp_path / "new")]
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, TakenError), (network, remedy, result.output)
        assert taken[-1] != (network, training), remedy


def test_keras_takes_every_remedy() -> None:
    expressions = {remedy.keras for _, _, remedy in all_remedies()}
    names = {"keras": keras, "rnnzoo": rnnzoo, "units": 4, "tokens": np.arange(10_000), "layers": []}
    for expression in sorted(expressions):
        made = eval(expression, dict(names))
        if isinstance(made, keras.layers.RNN):
            assert made(np.zeros((1, 3, 2), np.float32)).shape == (1, 4)
        else:
            assert isinstance(made, keras.optimizers.Optimizer | ContiguousBatches), expression


def test_every_name_of_a_remedy_is_there_after_its_import_alone() -> None:
    """In a process of its own: here, tests have imported all modules long since."""
    expressions = " ".join(remedy.keras for _, _, remedy in all_remedies())
    names = {name.removeprefix("rnnzoo.") for name in re.findall(r"rnnzoo(?:\.\w+)+", expressions)}
    # The deepest first: what is made of the higher ones imports what lies below.
    deepest_first = sorted(names, key=lambda name: -name.count("."))
    code = f"import operator, rnnzoo; [operator.attrgetter(name)(rnnzoo) for name in {deepest_first}]"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 0 == finished.returncode, finished.stderr


def names_of(name: str, network: str, training: TrainingConfig | None = None, **evidence: Any) -> list[str]:
    given = Evidence(**evidence) if evidence else EVIDENCE[name]
    config = NetworkConfig(network=network)
    return [remedy.name for remedy in remedies_for(verdict_of(name), given, config, training or TrainingConfig())]


def test_the_order_is_that_of_the_likeliest_cure() -> None:
    assert names_of("vanishing", "simple_rnn_tanh", factor=0.5) == [
        "activation",
        "initialiser",
        "normalisation",
        "skip connection",
        "gates",
    ]
    assert names_of("exploding", "simple_rnn_relu", TrainingConfig(global_clipnorm=None), first_factor=1.5) == [
        "clipping",
        "initialiser",
        "normalisation",
        "activation",
        "gates",
        "learning rate",
    ]
    # The network as it was made does not explode: it is the steps.
    assert names_of("exploding", "irnn", first_factor=1.0)[0] == "learning rate"
    assert names_of("exploding", "irnn", update_ratio=0.5)[0] == "learning rate"
    assert names_of("dead", "irnn")[0] == "activation"
    assert names_of("oscillating", "lstm")[0] == "learning rate"
    assert names_of("stagnating", "lstm", gradient_norms=[3.0], clipped_share=1.0)[0] == "clipping"
    assert names_of("stagnating", "lstm", gradient_norms=[3.0], clipped_share=0.0)[0] == "learning rate"
    assert names_of("healthy", "lstm") == []


def test_a_window_that_is_too_short_comes_first() -> None:
    evidence = Evidence(factor=0.9, needed_lag=100)
    first = remedies_for(verdict_of("vanishing"), evidence, NetworkConfig(network="gru"), TrainingConfig())[0]
    assert first.arguments == ("--window", "200")


def test_the_threshold_is_near_the_norms_seen_before_the_explosion() -> None:
    evidence = Evidence(first_factor=1.5, gradient_norms=[0.21, 0.22, 0.23, 5e3, 1e9, float("inf")])
    training = TrainingConfig(global_clipnorm=None)
    first = remedies_for(verdict_of("exploding"), evidence, NetworkConfig(network="irnn"), training)[0]
    assert first.arguments == ("--global-clipnorm", "0.22")
    assert first.keras == "keras.optimizers.Adam(learning_rate=0.003, global_clipnorm=0.22)"


@pytest.mark.parametrize(
    ("cell", "network"),
    [
        (keras.layers.SimpleRNNCell(4), "simple_rnn_tanh"),
        (keras.layers.SimpleRNNCell(4, "relu"), "simple_rnn_relu"),
        (keras.layers.SimpleRNNCell(4, "sigmoid"), "simple_rnn_tanh"),
        (keras.layers.LSTMCell(4), "lstm"),
        (keras.layers.GRUCell(4), "gru"),
        (rnnzoo.models.IRNN(4).cell, "irnn"),
        (rnnzoo.models.SkipUpdateLSTM(4).cell, "skip_update_lstm"),
        (keras.layers.Dense(4), "simple_rnn_tanh"),
    ],
)
def test_a_cell_has_the_remedies_of_its_kind(cell: keras.layers.Layer, network: str) -> None:
    assert network == network_like(cell).network


def test_a_foreign_lstm_is_told_nothing_of_tanh_networks() -> None:
    layers = [keras.layers.Embedding(9, 4), keras.layers.LSTM(4, return_sequences=True), keras.layers.Dense(9)]
    model = keras.Sequential([keras.layers.Input((None,)), *layers])
    diagnosis = diagnose(model, np.arange(60) % 9, lags=20, positions=2)
    assert "vanishing" == diagnosis.verdict.name
    assert ["initialiser", "normalisation", "gates"] == [remedy.name for remedy in diagnosis.remedies]
    assert all("LSTM(units" in remedy.keras for remedy in diagnosis.remedies)


def test_of_a_foreign_network_nothing_is_known() -> None:
    evidence = Evidence(factor=0.5, learning_rate=0.01)
    assert len(remedies_for(verdict_of("vanishing"), evidence)) == 5
    slower = remedies_for(verdict_of("oscillating"), evidence)[0]
    assert slower.keras == "keras.optimizers.Adam(learning_rate=0.001)"


def test_both_learning_rates_are_changed_where_there_are_two() -> None:
    training = TrainingConfig(optimizer="sgd", recurrent_learning_rate=2e-3)
    slower = remedies_for(verdict_of("oscillating"), Evidence(), NetworkConfig(network="irnn"), training)[0]
    assert slower.arguments == ("--learning-rate", "2", "--recurrent-learning-rate", "0.0002")
    assert slower.reason == "a tenth of 20 and 0.002: steps that overshoot undo each other."
    layers = [rnnzoo.models.IRNN(4)]
    layers[0].build((None, None, 2))
    made = eval(slower.keras, {"rnnzoo": rnnzoo, "layers": layers})
    assert isinstance(made, SGDAroundAdam)
    rates = float(made.learning_rate), made.adam_share * float(made.learning_rate)
    assert rates == (2.0, pytest.approx(0.0002))
    assert made.adam_paths == [weight.path for weight in layers[0].trainable_variables]
    assert made.global_clipnorm == 0.25
