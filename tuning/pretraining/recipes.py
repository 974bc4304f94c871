"""How each preset of the package is trained. Needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["RECIPES", "Recipe", "Stage"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training run."""

    network: NetworkConfig
    training: TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The training runs that end in a preset, each but the first going on from the one before.

    Example:
        >>> recipe = RECIPES["gru_wikitext2"]
        >>> [(folder, stage.training.from_preset) for folder, stage in recipe.runs("runs/gru_wikitext2")]
        [('runs/gru_wikitext2', None)]
    """

    stages: tuple[Stage, ...]

    def runs(self, output: str) -> list[tuple[str, Stage]]:
        """The folder of each stage, `output` that of the last, and the stage as it is trained there."""
        folders = [f"{output}-{number}" for number in range(1, len(self.stages))] + [output]
        before = [None] + [f"{folder}/model" for folder in folders]
        return [
            (folder, replace(stage, training=replace(stage.training, from_preset=preset)))
            for folder, preset, stage in zip(folders, before, self.stages, strict=False)
        ]


def _training(epochs: int, recurrent_learning_rate: float | None = None) -> TrainingConfig:
    """Two thousand sampled words instead of four make an epoch a third shorter."""
    return TrainingConfig(
        epochs=epochs,
        patience=epochs,
        samples=2048,
        rotation=True,
        optimizer="sgd",
        learning_rate=20.0,
        recurrent_learning_rate=recurrent_learning_rate,
    )


def _gated(network: str, epochs: int, dropout: float = 0.2, recurrent_learning_rate: float | None = None) -> Recipe:
    config = NetworkConfig(network=network, dropout=dropout)
    return Recipe(stages=(Stage(network=config, training=_training(epochs, recurrent_learning_rate)),))


def _plain(network: str, epochs: int) -> Recipe:
    """At rates that suit word vectors, SGD throws plain layers far off, normalised or not: Adam teaches them. Were the
    vectors Adam's too, it would teach them rare words by heart.
    """
    config = NetworkConfig(network=network, normalization="layer", dropout=0.2)
    return Recipe(stages=(Stage(network=config, training=_training(epochs, recurrent_learning_rate=2e-3)),))


def _large() -> Recipe:
    """So long a training learns a text by heart unless more is dropped, of what is carried, too, and weights shrink.

    When its rate has fallen to 0 it has not learnt all that it can: from a rate of about half, it falls once more.
    """
    network = NetworkConfig(network="lstm", units=300, layers=2, dropout=0.4, recurrent_dropout=0.1)
    first = replace(_training(18, recurrent_learning_rate=2e-3), weight_decay=1.2e-6)
    again = replace(
        first, epochs=13, patience=13, learning_rate=12.0, recurrent_learning_rate=1.2e-3, warmup=0.02, seed=1
    )
    return Recipe(stages=(Stage(network=network, training=first), Stage(network=network, training=again)))


RECIPES: Mapping[str, Recipe] = {
    "simple_rnn_tanh_wikitext2": _plain("simple_rnn_tanh", 8),
    "simple_rnn_relu_wikitext2": _plain("simple_rnn_relu", 6),
    "simple_rnn_leaky_relu_wikitext2": _plain("simple_rnn_leaky_relu", 8),
    "irnn_wikitext2": _plain("irnn", 8),
    "skip_rnn_wikitext2": _plain("skip_rnn", 8),
    "skip_update_lstm_wikitext2": _gated("skip_update_lstm", 8),
    "skip_update_gru_wikitext2": _gated("skip_update_gru", 8),
    "lstm_wikitext2": _gated("lstm", 8, dropout=0.3, recurrent_learning_rate=2e-3),
    "gru_wikitext2": _gated("gru", 8),
    "lstm_large_wikitext2": _large(),
}
