"""How each preset of the package is trained. Needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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


# Two thousand sampled words instead of four make an epoch a third shorter. Fresh starts: presets are asked about short
# texts, which begin without a state.
_TRAINING: Mapping[str, Any] = {
    "epochs": 8,
    "patience": 8,
    "samples": 2048,
    "fresh_starts": 0.02,
    "rotation": True,
}


def _gated(network: str) -> Recipe:
    training = TrainingConfig(**_TRAINING, optimizer="sgd", learning_rate=20.0)
    return Recipe(stages=(Stage(network=NetworkConfig(network=network), training=training),))


def _plain(network: str) -> Recipe:
    """SGD at rates that are good for gates lets them diverge, and the ReLU family needs its states held in place."""
    training = TrainingConfig(**_TRAINING, optimizer="adam", learning_rate=3e-3)
    config = NetworkConfig(network=network, normalization="layer")
    return Recipe(stages=(Stage(network=config, training=training),))


def _large() -> Recipe:
    first = TrainingConfig(epochs=12, patience=12, optimizer="sgd", learning_rate=20.0)
    second = TrainingConfig(
        epochs=10,
        patience=10,
        optimizer="sgd",
        learning_rate=10.0,
        warmup=0.02,
        weight_decay=1.2e-6,
        rotation=True,
    )
    network = NetworkConfig(network="lstm", layers=2)
    return Recipe(
        stages=(
            Stage(network=network, training=first),
            Stage(network=replace(network, dropout=0.3), training=second),
        )
    )


RECIPES: Mapping[str, Recipe] = {
    "simple_rnn_tanh_wikitext2": _plain("simple_rnn_tanh"),
    "simple_rnn_relu_wikitext2": _plain("simple_rnn_relu"),
    "simple_rnn_leaky_relu_wikitext2": _plain("simple_rnn_leaky_relu"),
    "irnn_wikitext2": _plain("irnn"),
    "skip_rnn_wikitext2": _plain("skip_rnn"),
    "skip_update_lstm_wikitext2": _gated("skip_update_lstm"),
    "skip_update_gru_wikitext2": _gated("skip_update_gru"),
    "lstm_wikitext2": _gated("lstm"),
    "gru_wikitext2": _gated("gru"),
    "lstm_large_wikitext2": _large(),
}
