"""What a search is: all that its trials share, all that they vary, and how it goes about it. Needs no TensorFlow."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from rnnzoo.damaged_files import named_damage
from rnnzoo.models.arguments import whole
from rnnzoo.tuning.search.divergence import Divergence
from rnnzoo.tuning.search.pruning import PRUNERS, Pruner
from rnnzoo.tuning.search.search_folder import BEGIN_ANEW
from rnnzoo.tuning.search.space import Space

__all__ = ["SearchPlan"]


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """A search, as search.json holds it: two searches with equal plans try equal trials.

    Attributes:
        space: the networks, the recipe and what varies. The recipe's epochs are those of a trial, its seed is that of
            each training and of the algorithm.
        algorithm: "random", "bayesian", "hyperband" or "grid".
        pruning: "none", "median" or "halving".
        report_every: the steps between two reports of a trial; None, a twentieth of it.
        watch_gradients: whether the verdict of a trial sees its gradients.
        divergence: which trials diverged, and what they score.
        corpus: the facts of the corpus.
    """

    space: Space
    algorithm: str
    pruning: str = "none"
    report_every: int | None = None
    watch_gradients: bool = False
    divergence: Divergence
    corpus: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.pruning not in PRUNERS:
            raise ValueError(f"pruning must be one of {', '.join(PRUNERS)}, but got pruning={self.pruning!r}.")
        if self.pruning != "none" and self.algorithm == "hyperband":
            raise ValueError(
                f"hyperband ends trials by itself: pruning must be none, but got pruning={self.pruning!r}."
            )
        if self.report_every is not None:
            object.__setattr__(self, "report_every", whole("report_every", self.report_every, least=1))

    @property
    def pruner(self) -> Pruner | None:
        """A pruner of the plan's kind, None if nothing is pruned."""
        kind = PRUNERS[self.pruning]
        return None if kind is None else kind()

    def as_dict(self) -> dict[str, Any]:
        """The plan in plain values, equal for equal plans."""
        own = {name: getattr(self, name) for name in ("algorithm", "pruning", "report_every", "watch_gradients")}
        return {**self.space.describe(), "corpus": dict(self.corpus), **own, "divergence": asdict(self.divergence)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        own = {name: told[name] for name in ("algorithm", "pruning", "report_every", "watch_gradients", "corpus")}
        return cls(space=Space.from_description(told), **own, divergence=Divergence(**told["divergence"]))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The plan of the search in a folder.

        Raises:
            FileNotFoundError: if there is no search.
            ValueError: if search.json is damaged.
        """
        path = folder / "search.json"
        if not path.is_file():
            raise FileNotFoundError(f"a search must hold search.json, but {folder} does not.")
        with named_damage(path, BEGIN_ANEW):
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
