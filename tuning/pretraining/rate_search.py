"""The search behind a preset's learning rate and clip, and what it found. Needs no TensorFlow."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.pretraining.commands import tune_command
from rnnzoo.tuning.pretraining.recipes import Stage
from rnnzoo.tuning.search.results import SearchResult, TrialRecord
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["RateSearch"]

_CLIP = "global_clipnorm"
_CLIPS = (0.25, 0.1, 1.0)


@dataclass(frozen=True, kw_only=True)
class RateSearch:
    """Nine trainings of an epoch around a recipe: half its rate, its own and twice of it, each clipped at three norms.

    Attributes:
        network: what is trained.
        training: how, but for what varies.
        rate: what varies beside the clip: the rate of the recurrent layers if they have one of their own.
        recipe: the values of both in the recipe.
        space: all that are tried, for `rnnzoo.tuning.search.search`; the recipe's first, so that what is worse ends
            early.
        algorithm, max_trials, pruning: further ones for it: all pairs, of which halving ends two in three at a ninth
            of the epoch, and two in three of the others at a third.
    """

    network: NetworkConfig
    training: TrainingConfig
    rate: str
    recipe: tuple[float, float]
    space: tuple[str, str]
    algorithm: str = "grid"
    max_trials: int = 9
    pruning: str = "halving"

    @classmethod
    def around(cls, stage: Stage) -> Self:
        """The search around the recipe of a training.

        >>> from rnnzoo.tuning.pretraining.recipes import RECIPES
        >>> RateSearch.around(RECIPES["irnn_wikitext2"].stages[0]).space
        ('recurrent_learning_rate=0.002,0.001,0.004', 'global_clipnorm=0.25,0.1,1')
        """
        training = stage.training
        rate = "learning_rate" if training.recurrent_learning_rate is None else "recurrent_learning_rate"
        own = getattr(training, rate)
        varied: dict[str, Any] = {rate: None}
        return cls(
            network=stage.network,
            training=replace(training, epochs=1, patience=TrainingConfig.patience, **varied),
            rate=rate,
            recipe=(own, getattr(training, _CLIP)),
            space=(_choices(rate, (own, 0.5 * own, 2 * own)), _choices(_CLIP, _CLIPS)),
        )

    def command(self, output: str) -> str:
        """The command that searches in this way, into a folder."""
        options = {name: getattr(self, name) for name in ("algorithm", "max_trials", "pruning")}
        return tune_command(self.network, self.training, self.space, output, **options)

    def facts(self, result: SearchResult) -> dict[str, Any]:
        """What `search.json` holds beside a preset, of what the search found."""
        return {
            "command": self.command(f"searches/{self.network.network}"),
            "rate": self.rate,
            "recipe": self.recipe,
            "trials": [_trial(trial, self.rate) for trial in result.trials],
        }


def _choices(name: str, values: Iterable[float]) -> str:
    return f"{name}={','.join(format(value, 'g') for value in values)}"


def _trial(trial: TrialRecord, rate: str) -> dict[str, Any]:
    varied = {name: trial.values[name] for name in (rate, _CLIP)}
    return {**varied, "status": trial.status, "epochs": trial.at, "perplexity": trial.perplexity}
