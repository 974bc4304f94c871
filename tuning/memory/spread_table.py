"""How much the seed decides: each network of the zoo, trained as its preset begins, several times."""

import math
from collections.abc import Mapping
from dataclasses import replace

from rnnzoo.models.architectures import NETWORKS
from rnnzoo.tuning.memory.cells import Outcome, TextCell
from rnnzoo.tuning.memory.table import Table, by_row, middle, number, shown_half_life
from rnnzoo.tuning.pretraining.recipes import RECIPES

__all__ = ["spread_table"]

_EPOCHS = 3


def spread_table(seeds: int = 3) -> Table:
    """Three epochs of each network's recipe, its learning rate falling to 0 in them; one seed of all, then the next."""
    stages = {name: recipe.stages[0] for name in NETWORKS if (recipe := RECIPES.get(f"{name}_wikitext2")) is not None}
    cells = tuple(
        TextCell(
            row=name,
            network=stage.network,
            training=replace(stage.training, epochs=_EPOCHS, patience=_EPOCHS, seed=seed),
        )
        for seed in range(seeds)
        for name, stage in stages.items()
    )

    def lines(outcomes: Mapping[str, Outcome]) -> list[list[str]]:
        return [_line(row, [outcomes[cell.key] for cell in of_row]) for row, of_row in by_row(cells).items()]

    return Table(
        title=f"Perplexity on WikiText-2's validation split after {_EPOCHS} epochs of each preset's recipe, over "
        f"{seeds} seeds.",
        cells=cells,
        heading=("network", "perplexity, median", "lowest", "highest", "half-life of h, words", "failed"),
        lines=lines,
    )


def _line(row: str, texts: list[Outcome]) -> list[str]:
    perplexities = sorted(math.inf if text["perplexity"] is None else text["perplexity"] for text in texts)
    shown = (number(value, 4) for value in (middle(perplexities), perplexities[0], perplexities[-1]))
    return [row, *shown, shown_half_life(texts), f"{sum(text['failed'] for text in texts)} of {len(texts)}"]
