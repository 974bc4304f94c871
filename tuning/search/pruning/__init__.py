"""Pruners, one a file: which trials are not worth going on with. None needs TensorFlow."""

from rnnzoo.tuning.search.pruning.halving import HalvingPruner
from rnnzoo.tuning.search.pruning.median import MedianPruner
from rnnzoo.tuning.search.pruning.pruner import Pruner

__all__ = ["PRUNERS", "HalvingPruner", "MedianPruner", "Pruner"]

PRUNERS: dict[str, type[Pruner] | None] = {"none": None, "median": MedianPruner, "halving": HalvingPruner}
