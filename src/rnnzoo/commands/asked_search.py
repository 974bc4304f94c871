"""What to search and how: from the options given, on top of the search in a folder if it is resumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnzoo.commands.configuration import chosen
from rnnzoo.commands.recipe import network_options, training_config
from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.tuning.search.hyperparameters import Hyperparameter
from rnnzoo.tuning.search.narrowing import begun_space, narrowed_space
from rnnzoo.tuning.search.search_folder import SearchFolder
from rnnzoo.tuning.search.search_plan import SearchPlan
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["AskedSearch", "asked_search"]

MAX_TRIALS = 20


@dataclass(frozen=True, kw_only=True)
class AskedSearch:
    """The arguments of `rnnzoo.tuning.search.search` by the names that they have there."""

    networks: list[NetworkConfig]
    training: TrainingConfig
    space: Sequence[str] | Mapping[str, Hyperparameter]
    algorithm: str
    max_trials: int
    pruning: str
    report_every: int | None
    watch_gradients: bool


def asked_search(
    networks: Sequence[str],
    options: Mapping[str, Any],
    corpus_options: Sequence[str] | None,
    *,
    begun: Path | None = None,
    space: str | None = None,
    ranges: Sequence[str] = (),
    fixes: Sequence[str] = (),
    algorithm: str | None = None,
    max_trials: int | None = None,
    pruning: str | None = None,
    report_every: int | None = None,
    watch_gradients: bool = False,
) -> AskedSearch:
    """The search that a command's options ask for; what they leave open is as it was begun.

    Args:
        networks: the names; none only if a search is resumed.
        options, corpus_options: those of the networks and of the training.
        begun: the folder of the search that is resumed; None for a new one.
        space, ranges, fixes: see `narrowed_space`.
        algorithm, max_trials, pruning, report_every, watch_gradients: as typed; None or False where they were not.

    Raises:
        FileNotFoundError: if there is nothing to resume.
        ValueError: for what cannot be, or if search.json is damaged.
    """
    plan = None if begun is None else SearchPlan.read(begun)
    told_networks = {} if plan is None else plan.space.networks
    names = list(networks) or list(told_networks)
    training = training_config(options, corpus_options, None if plan is None else plan.space.training)
    of_networks = network_options(options)
    configs = [_network_config(name, of_networks, names, told_networks.get(name)) for name in names]
    if plan is None or space is not None:
        held = [*of_networks, *chosen(TrainingConfig, options)]
        searched: Any = narrowed_space(configs, training, space, ranges, fixes, held)
    else:
        searched = begun_space(plan.space.hyperparameters, ranges, fixes)
    told_trials = None if begun is None else SearchFolder(begun).read_max_trials()
    return AskedSearch(
        networks=configs,
        training=training,
        space=searched,
        algorithm=algorithm or ("random" if plan is None else plan.algorithm),
        max_trials=max_trials if max_trials is not None else told_trials or MAX_TRIALS,
        pruning=pruning or ("none" if plan is None else plan.pruning),
        report_every=report_every if report_every is not None or plan is None else plan.report_every,
        watch_gradients=watch_gradients or (plan is not None and plan.watch_gradients),
    )


def _network_config(
    name: str, options: Mapping[str, Any], networks: Sequence[str], told: NetworkConfig | None
) -> NetworkConfig:
    """An option that only some of the networks take is given to these."""
    others = [ARCHITECTURES[other].takes for other in networks if other != name and other in ARCHITECTURES]
    taken_by_others = frozenset().union(*others) - (ARCHITECTURES[name].takes if name in ARCHITECTURES else set())
    own = {option: value for option, value in options.items() if option not in taken_by_others}
    return replace(told, **own) if told is not None else NetworkConfig(network=name, **own)
