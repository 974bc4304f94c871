"""The command line of a training gives back the training."""

import shlex

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.cli import app
from rnnzoo.commands.asked_search import asked_search
from rnnzoo.commands.recipe import network_options, training_config
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.pretraining.commands import train_command
from rnnzoo.tuning.pretraining.rate_search import RateSearch
from rnnzoo.tuning.pretraining.recipes import RECIPES
from rnnzoo.tuning.training_config import TrainingConfig


def _read_back(command: str) -> tuple[NetworkConfig, TrainingConfig]:
    """What the real command line makes of it, short of training."""
    _, _, *arguments = shlex.split(command)
    train = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    options = train.make_context("train", arguments).params
    corpus_options = options.pop("corpus_options")
    network = options.pop("network")
    options["from_preset"] = None if options["from_preset"] is None else str(options["from_preset"])
    return NetworkConfig(**network_options(options), network=network), training_config(options, corpus_options)


NETWORKS = st.one_of(
    st.builds(
        NetworkConfig,
        network=st.sampled_from(["lstm", "irnn"]),
        units=st.integers(1, 900),
        dropout=st.floats(0, 0.9),
        normalization=st.sampled_from([None, "layer", "batch"]),
    ),
    st.builds(
        NetworkConfig, network=st.just("skip_rnn"), skip=st.integers(2, 9), dilated=st.sampled_from([None, True])
    ),
    st.builds(
        NetworkConfig, network=st.just("gru"), softmax=st.just("adaptive"), cutoffs=st.sampled_from([None, (5, 9)])
    ),
)
TRAININGS = st.builds(
    TrainingConfig,
    corpus=st.sampled_from(["wikitext-2", "my notes.txt"]),
    epochs=st.integers(1, 99),
    rotation=st.booleans(),
    optimizer=st.sampled_from(["sgd", "adam"]),
    learning_rate=st.one_of(st.none(), st.floats(1e-9, 1e9)),
    weight_decay=st.one_of(st.none(), st.floats(1e-12, 1)),
    global_clipnorm=st.one_of(st.none(), st.floats(1e-6, 1e6)),
    patience=st.one_of(st.none(), st.integers(1, 9)),
)


@given(NETWORKS, TRAININGS)
@settings(max_examples=25)
def test_any_training_comes_back(network: NetworkConfig, training: TrainingConfig) -> None:
    assert (network, training) == _read_back(train_command(network, training, "runs/it"))


def test_a_corpus_comes_back_with_its_options() -> None:
    training = TrainingConfig(corpus="recall", corpus_options={"distance": 50})
    network = NetworkConfig(network="lstm")
    assert (network, training) == _read_back(train_command(network, training, "runs/it"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_stage_of_every_recipe_comes_back(name: str) -> None:
    for folder, stage in RECIPES[name].runs(f"runs/{name}"):
        assert (stage.network, stage.training) == _read_back(train_command(stage.network, stage.training, folder))


@pytest.mark.parametrize("name", RECIPES)
def test_the_search_around_every_recipe_comes_back(name: str) -> None:
    asked = RateSearch.around(RECIPES[name].stages[0])
    _, _, *arguments = shlex.split(asked.command("searches/it"))
    tune = typer.main.get_command(app).commands["tune"]  # type: ignore[attr-defined]
    options = tune.make_context("tune", arguments).params
    read = asked_search(
        options.pop("network"),
        options,
        options.pop("corpus_options"),
        **{name: options[name] for name in ("ranges", "algorithm", "max_trials", "pruning")},
    )
    assert (read.networks, read.training) == ([asked.network], asked.training)
    assert read.space == asked.space
    assert (read.algorithm, read.max_trials, read.pruning) == (asked.algorithm, asked.max_trials, asked.pruning)
