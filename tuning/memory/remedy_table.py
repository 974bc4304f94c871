"""Remedy by remedy: what each does for a plain tanh and a plain ReLU network, on text and on a distant word."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.memory.cells import Cell, Outcome, RecallCell, TextCell
from rnnzoo.tuning.memory.recall_table import LEARNING_RATES, recall_training
from rnnzoo.tuning.memory.table import Table, by_row, middle, number, shown_half_life
from rnnzoo.tuning.training_config import TrainingConfig

__all__ = ["PATIENTS", "remedy_table"]

PATIENTS = {"tanh": "simple_rnn_tanh", "ReLU": "simple_rnn_relu"}
_RECALL_STEPS = 400
_RECALL_LADDER = (5, 10, 25, 50, 100, 200)
# What leaves clipping and a controlled learning rate to be cured by.
_UNCONTROLLED: dict[str, Any] = {"schedule": "constant", "global_clipnorm": None}
_CLIPPED: dict[str, Any] = {"global_clipnorm": 0.25}
_CONTROLLED: dict[str, Any] = {"schedule": "cosine"}

# remedy → options of the network, options of the training
_Remedies = dict[str, tuple[dict[str, Any], dict[str, Any]]]
_REMEDIES: _Remedies = {
    "as it is": ({}, {}),
    "initialiser: identity": ({"recurrent_initializer": "identity"}, {}),
    "initialiser: np-RNN": ({"recurrent_initializer": "np_rnn"}, {}),
    "normalisation: layer": ({"normalization": "layer"}, {}),
    "clipping: norm 0.25": ({}, _CLIPPED),
    "learning rate: warm-up, cosine": ({}, _CONTROLLED),
}
# These replace the activation or the whole network: whichever the patient was, they are the same.
_REPLACEMENTS: _Remedies = {
    "activation: leaky ReLU": ({"network": "simple_rnn_leaky_relu"}, {}),
    "skip connection: 10 (tanh)": ({"network": "skip_rnn", "skip": 10}, {}),
    "gates: GRU, chrono": ({"network": "gru", "longest_lag": 200}, {}),
    "leaky ReLU, identity, layer normalisation, clipping, warm-up and cosine together": (
        {"network": "simple_rnn_leaky_relu", "recurrent_initializer": "identity", "normalization": "layer"},
        {**_CLIPPED, **_CONTROLLED},
    ),
}


def remedy_table(corpus: str = "python-docs", seeds: int = 3) -> Table:
    """One layer of 100 units on a text (one epoch, Adam at 0.003), of 64 units on recall; medians over the seeds."""
    text = TrainingConfig(corpus=corpus, vocabulary_limit=5000, epochs=1, learning_rate=3e-3, **_UNCONTROLLED)
    treated: _Remedies = {
        f"{patient}, {remedy}": ({"network": name, **of_network}, of_training)
        for patient, name in PATIENTS.items()
        for remedy, (of_network, of_training) in _REMEDIES.items()
    }
    cells = tuple(
        cell
        for row, (of_network, of_training) in (treated | _REPLACEMENTS).items()
        for seed in range(seeds)
        for cell in _cells(row, of_network, of_training, text, seed)
    )

    def lines(outcomes: Mapping[str, Outcome]) -> list[list[str]]:
        return [_line(row, of_row, outcomes) for row, of_row in by_row(cells).items()]

    return Table(
        title="What each remedy does for a plain network that is trained without clipping at a constant learning rate: "
        f"one epoch of {corpus} (5,000 words, validation), and recall (at most {_RECALL_STEPS} steps at each "
        f"distance, {_RECALL_LADDER[-1]} words the longest; without a schedule, so that one alone was not tried); "
        f"median (lowest to highest) of {seeds} seeds. The last rows take the place of either network.",
        cells=cells,
        heading=("network, remedy", "perplexity", "half-life of h, words", "remembers, words", "failed"),
        lines=lines,
    )


def _cells(
    row: str, of_network: dict[str, Any], of_training: dict[str, Any], text: TrainingConfig, seed: int
) -> list[Cell]:
    network = NetworkConfig(units=100, dropout=0.0, **of_network)
    recalling = replace(network, units=64)
    learnt = TextCell(row=row, network=network, training=replace(text, seed=seed, **of_training))
    # Recall trains at a constant rate: a schedule needs an end that is known.
    if of_training == _CONTROLLED:
        return [learnt]
    clipping = (_UNCONTROLLED | of_training)["global_clipnorm"]
    return [
        learnt,
        *(
            RecallCell(
                row=row,
                network=recalling,
                training=recall_training(rate, seed, global_clipnorm=clipping),
                steps=_RECALL_STEPS,
                ladder=_RECALL_LADDER,
            )
            for rate in LEARNING_RATES
        ),
    ]


def _line(row: str, cells: list[Cell], outcomes: Mapping[str, Outcome]) -> list[str]:
    texts = [outcomes[cell.key] for cell in cells if isinstance(cell, TextCell)]
    reaches: dict[int, int] = {}
    for cell in cells:
        if isinstance(cell, RecallCell):
            seed, reach = cell.training.seed, outcomes[cell.key]["reach"]
            reaches[seed] = max(reaches.get(seed, 0), reach)
    return [
        row,
        _with_range([text["perplexity"] for text in texts]),
        shown_half_life(texts),
        _with_range(list(reaches.values())),
        f"{sum(text['failed'] for text in texts)} of {len(texts)}",
    ]


def _with_range(values: Sequence[float | None]) -> str:
    if not values:
        return "–"
    numbers = [math.inf if value is None else value for value in values]
    lowest, highest = number(min(numbers)), number(max(numbers))
    return number(middle(values)) + (f" ({lowest} to {highest})" if lowest != highest else "")
