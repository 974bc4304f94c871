"""The tables by name."""

from collections.abc import Callable, Mapping

from rnnzoo.tuning.memory.adding_table import adding_table, irnn_paper_table, skip_update_paper_table
from rnnzoo.tuning.memory.recall_table import recall_table
from rnnzoo.tuning.memory.remedy_table import remedy_table
from rnnzoo.tuning.memory.spread_table import spread_table
from rnnzoo.tuning.memory.table import Table

__all__ = ["TABLES"]

TABLES: Mapping[str, Callable[..., Table]] = {
    "recall": recall_table,
    "adding": adding_table,
    "adding-irnn": irnn_paper_table,
    "adding-skip-update": skip_update_paper_table,
    "remedies": remedy_table,
    "spread": spread_table,
}
