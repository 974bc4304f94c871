"""The adding problem, error against length: every network of the zoo, and the settings of two papers."""

from collections.abc import Mapping
from typing import Any

from rnnzoo.models.architectures import ARCHITECTURES, NETWORKS, NetworkConfig
from rnnzoo.tuning.memory.cells import AddingCell, Outcome
from rnnzoo.tuning.memory.table import Table, by_row, middle, number
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["LENGTHS", "adding_table", "irnn_paper_table", "skip_update_paper_table"]

LENGTHS = (50, 100, 200, 400)
_IRNN_CLIPPING = {150: 100.0, 200: 1.0, 300: 10.0, 400: 1.0}


def adding_table(seeds: int = 1) -> Table:
    """One layer of 100 units, Adam at 0.001, batches of 50, gradients clipped at a norm of 1, at most 2,000 steps."""
    cells = tuple(
        AddingCell(
            row=name,
            network=NetworkConfig(network=name, units=100, dropout=0.0, **_chrono(name, length)),
            training=_adam(1e-3, 50, seed),
            steps=2000,
            length=length,
        )
        for name in NETWORKS
        for length in LENGTHS
        for seed in range(seeds)
    )
    title = (
        "The adding problem: mean squared error against the length T after at most 2,000 steps (always answering 1: "
        "0.167; solved, in bold: a hundredth of it). Gated networks start with chrono biases for T steps."
    )
    return _table(title, cells, LENGTHS)


def irnn_paper_table(seeds: int = 1) -> Table:
    """Le, Jaitly & Hinton 2015: 100 units, batches of 16, SGD at 0.01, the clipping that they found for each T."""
    cells = tuple(
        AddingCell(
            row=name,
            network=NetworkConfig(network=name, units=100, dropout=0.0),
            training=TrainingConfig(
                corpus="adding",
                batch_size=16,
                optimizer="sgd",
                learning_rate=0.01,
                schedule="constant",
                global_clipnorm=clipping,
                seed=seed,
            ),
            steps=60_000,
            length=length,
        )
        for name in ("irnn", "simple_rnn_tanh")
        for length, clipping in _IRNN_CLIPPING.items()
        for seed in range(seeds)
    )
    title = "The adding problem in the setting of Le, Jaitly & Hinton 2015, at most 60,000 steps: mean squared error."
    return _table(title, cells, tuple(_IRNN_CLIPPING))


def skip_update_paper_table(seeds: int = 1) -> Table:
    """Campos et al. 2018: T 50, 110 units, batches of 256, Adam at 0.0001, gradients clipped at a norm of 1."""
    cells = tuple(
        AddingCell(
            row=name if budget is None else f"{name}, λ {budget:g}",
            network=NetworkConfig(network=name, units=110, dropout=0.0, budget=budget),
            training=_adam(1e-4, 256, seed),
            steps=20_000,
            length=50,
        )
        for name, budget in (
            ("lstm", None),
            ("skip_update_lstm", None),
            ("skip_update_lstm", 1e-5),
            ("gru", None),
            ("skip_update_gru", None),
            ("skip_update_gru", 1e-5),
        )
        for seed in range(seeds)
    )
    title = "The adding problem in the setting of Campos et al. 2018, at most 20,000 steps: mean squared error."
    return _table(title, cells, (50,))


def _table(title: str, cells: tuple[AddingCell, ...], lengths: tuple[int, ...]) -> Table:
    def lines(outcomes: Mapping[str, Outcome]) -> list[list[str]]:
        return [
            [row, *(_shown([outcomes[cell.key] for cell in of_row if cell.length == length]) for length in lengths)]
            for row, of_row in by_row(cells).items()
        ]

    return Table(title=title, cells=cells, heading=("network", *(f"T {length}" for length in lengths)), lines=lines)


def _shown(outcomes: list[Outcome]) -> str:
    error = number(middle([outcome["error"] for outcome in outcomes]), 2)
    steps = f"{middle([outcome['steps'] for outcome in outcomes]):,.0f}"
    return f"**{error}** ({steps} steps)" if all(outcome["solved"] for outcome in outcomes) else error


def _adam(learning_rate: float, batch_size: int, seed: int) -> TrainingConfig:
    return TrainingConfig(
        corpus="adding",
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule="constant",
        global_clipnorm=1.0,
        seed=seed,
    )


def _chrono(network: str, length: int) -> dict[str, Any]:
    return {} if ARCHITECTURES[network].chrono is None else {"longest_lag": length}
