"""Where a hyperparameter means something."""

import pytest

from rnnzoo.models.architectures import ARCHITECTURES, NETWORKS, NetworkConfig
from rnnzoo.tuning.search.conditions import Scope, scope_of
from rnnzoo.tuning.search.hyperparameters import SEARCHABLE, parse_hyperparameters
from rnnzoo.tuning.training_config import TrainingConfig

ALL = {name: NetworkConfig(network=name) for name in NETWORKS}


def scope(name: str, *texts: str, networks: tuple[str, ...] = NETWORKS, **training: str) -> Scope:
    chosen = {network: ALL[network] for network in networks}
    return scope_of(name, chosen, TrainingConfig(**training), parse_hyperparameters(texts))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(set(SEARCHABLE) - {"recurrent_scale", "division", "recurrent_learning_rate"}))
def test_each_option_is_searched_in_the_networks_that_take_it(name: str) -> None:
    takers = tuple(network for network in NETWORKS if name in ARCHITECTURES[network].takes)
    assert Scope(networks=takers or NETWORKS) == scope(name, schedule="cosine")


@pytest.mark.parametrize(
    ("name", "varied", "expected"),
    [
        ("warmup", "schedule=constant,cosine,plateau", Scope(networks=NETWORKS, parent="schedule", values=("cosine",))),
        ("warmup", "schedule=warmup,cosine", Scope(networks=NETWORKS)),
        ("samples", "loss=full,sampled", Scope(networks=NETWORKS, parent="loss", values=("sampled",))),
        ("samples", "loss=sampled", Scope(networks=NETWORKS)),
        ("division", "softmax=adaptive", Scope(networks=NETWORKS)),
        ("division", "softmax=tied,adaptive", Scope(networks=NETWORKS, parent="softmax", values=("adaptive",))),
        ("recurrent_learning_rate", "optimizer=sgd", Scope(networks=NETWORKS)),
        (
            "recurrent_learning_rate",
            "optimizer=sgd,adam",
            Scope(networks=NETWORKS, parent="optimizer", values=("sgd",)),
        ),
        ("recurrent_scale", "recurrent_initializer=identity", Scope(networks=NETWORKS)),
        ("recurrent_scale", "units=1:2", Scope(networks=("irnn",))),
        (
            "recurrent_scale",
            "recurrent_initializer=orthogonal,identity",
            Scope(networks=NETWORKS, parent="recurrent_initializer", values=("identity",)),
        ),
    ],
)
def test_some_options_hang_on_another(name: str, varied: str, expected: Scope) -> None:
    assert expected == scope(name, varied)


@pytest.mark.parametrize(
    ("name", "varied", "networks", "message"),
    [
        ("skip", [], ("lstm", "gru"), "skip is an option of skip_rnn, but got lstm, gru"),
        ("warmup", ["schedule=plateau"], NETWORKS, "schedule to be one of warmup, cosine, but got plateau"),
        ("samples", ["loss=full"], NETWORKS, "samples needs loss to be one of auto, sampled, but got full"),
        ("recurrent_learning_rate", [], NETWORKS, "needs optimizer to be one of sgd, but got adam"),
        ("division", [], NETWORKS, "division needs softmax to be one of adaptive, but got tied"),
        ("recurrent_scale", [], ("lstm",), "needs recurrent_initializer to be one of identity, but got none"),
        (
            "recurrent_scale",
            ["recurrent_initializer=none,identity,orthogonal"],
            ("lstm", "irnn"),
            "hangs on recurrent_initializer in some networks only|search them apart",
        ),
    ],
)
def test_options_that_mean_nothing_are_refused(
    name: str, varied: list[str], networks: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        scope(name, *varied, networks=networks)
