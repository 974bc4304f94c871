"""Recall, accuracy against distance: every network of the zoo, as it comes and with what helps it to remember."""

from collections.abc import Mapping
from typing import Any

from rnnzoo.models.architectures import NETWORKS, NetworkConfig
from rnnzoo.tuning.memory.cells import Outcome, RecallCell
from rnnzoo.tuning.memory.recall_ladder import LADDER, LEARNT
from rnnzoo.tuning.memory.table import Table, by_row
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["LEARNING_RATES", "recall_table", "recall_training"]

# A network is taken at the better of the two: gates want the larger, a plain network the smaller.
LEARNING_RATES = (1e-3, 1e-2)
_STEPS, _MORE_STEPS = 400, 4000
_TAUGHT_LONGER = ("simple_rnn_tanh", "simple_rnn_relu", "lstm", "gru")  # is it the network that fails, or the patience?
_CHRONO = {"longest_lag": 200}  # of the order of the distances asked for
_HELPED: dict[str, tuple[str, dict[str, Any]]] = {
    "simple_rnn_tanh, recurrent kernel Glorot": ("simple_rnn_tanh", {"recurrent_initializer": "glorot_uniform"}),
    "simple_rnn_tanh, layer normalisation": ("simple_rnn_tanh", {"normalization": "layer"}),
    "simple_rnn_relu, layer normalisation": ("simple_rnn_relu", {"normalization": "layer"}),
    "skip_rnn, skip 25": ("skip_rnn", {"skip": 25}),
    "lstm, chrono": ("lstm", _CHRONO),
    "gru, chrono": ("gru", _CHRONO),
    "skip_update_lstm, chrono": ("skip_update_lstm", _CHRONO),
    "skip_update_gru, chrono": ("skip_update_gru", _CHRONO),
}


def recall_training(learning_rate: float, seed: int, **options: Any) -> TrainingConfig:
    """Adam, batches of 50 lines, gradients clipped at a norm of 1."""
    # Where each line begins anew by itself, see `climb`, no row is to forget.
    usual: dict[str, Any] = {
        "batch_size": 50,
        "schedule": "constant",
        "global_clipnorm": 1.0,
        "fresh_starts": 0.0,
    }
    return TrainingConfig(corpus="recall", learning_rate=learning_rate, seed=seed, **{**usual, **options})


def recall_table(seeds: int = 1) -> Table:
    """One layer of 64 units; at each distance at most 400 steps, in the last rows 4,000. Of several seeds the middle
    one is shown.
    """
    rows = {
        **{name: (name, {}, _STEPS) for name in NETWORKS},
        **{row: (network, options, _STEPS) for row, (network, options) in _HELPED.items()},
        **{f"{name}, {_MORE_STEPS:,} steps": (name, {}, _MORE_STEPS) for name in _TAUGHT_LONGER},
    }
    cells = tuple(
        RecallCell(
            row=row,
            network=NetworkConfig(network=network, units=64, dropout=0.0, **options),
            training=recall_training(rate, seed),
            steps=steps,
        )
        for row, (network, options, steps) in rows.items()
        for rate in LEARNING_RATES
        for seed in range(seeds)
    )

    def lines(outcomes: Mapping[str, Outcome]) -> list[list[str]]:
        return [_line(row, of_row, outcomes) for row, of_row in by_row(cells).items()]

    shown = (
        "one seed, where another may reach a quarter as far or four times"
        if seeds == 1
        else f"the middle one of {seeds} seeds at the learning rate at which that reaches furthest"
    )
    return Table(
        title="Right answers against distance in words, the network taught distance by distance until it fails "
        f"(chance is 12.5 %; 99 % count as learnt), at each with at most {_STEPS} training steps of 50 lines, or as "
        f"many as its row says; {shown}.",
        cells=cells,
        heading=("network", "remembers, words", *(f"at {distance}" for distance in LADDER), "learning rate"),
        lines=lines,
    )


def _line(row: str, cells: list[RecallCell], outcomes: Mapping[str, Outcome]) -> list[str]:
    def climbed(cell: RecallCell) -> tuple[int, float]:
        return outcomes[cell.key]["reach"], outcomes[cell.key]["rungs"][-1]["accuracy"]

    by_rate: dict[float, list[RecallCell]] = {}
    for cell in cells:
        by_rate.setdefault(cell.training.rate, []).append(cell)
    middle = [sorted(of_rate, key=climbed)[(len(of_rate) - 1) // 2] for of_rate in by_rate.values()]
    best = max(middle, key=climbed)
    outcome = outcomes[best.key]
    accuracies = {rung["distance"]: rung["accuracy"] for rung in outcome["rungs"]}
    shown = [f"{accuracies[distance]:.0%}" if distance in accuracies else "" for distance in LADDER]
    reach = f"{outcome['reach']}" if outcome["rungs"][-1]["accuracy"] < LEARNT else f"{outcome['reach']} or more"
    return [row, reach, *(cell.replace("%", " %") for cell in shown), f"{best.training.rate:g}"]
