"""Who takes part in a search. Needs no TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass

from rnnzoo.models.arguments import real, whole
from rnnzoo.tuning.search.workers.roles import PATIENCE, Address

__all__ = ["Sharing"]


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How a search is shared.

    Attributes:
        workers: worker processes on this machine; None (default) is one, and none where `listen` alone is given.
        listen: HOST:PORT on which the chief takes workers of other machines, too; None (default), of this one alone.
        chief: HOST:PORT of a chief elsewhere for which the workers here work, and which shares their folder; None
            (default) starts one here.
        trials_per_process: the trials after which a worker's process gives way to a fresh one; 1 by default, for memory
            grows with each. A process takes some seconds to start: raise it where trials are that short.
        patience: how many seconds workers wait for a chief that does not answer.
        before: called first in each process; a function of a module.

    Raises:
        ValueError: if there is nobody to do anything, a chief is here and elsewhere, or an address is none.
    """

    workers: int | None = None
    listen: str | None = None
    chief: str | None = None
    trials_per_process: int = 1
    patience: float = PATIENCE
    before: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        for address in (self.listen, self.chief):
            if address is not None:
                Address.parse(address)
        if self.listen is not None and self.chief is not None:
            raise ValueError(f"a chief is here or elsewhere, but got listen={self.listen!r} and chief={self.chief!r}.")
        if self.workers is not None:
            whole("workers", self.workers, least=0)
        if self.here == 0 and self.listen is None:
            raise ValueError("there must be a worker here, or listen for those of other machines, but got workers=0.")
        whole("trials_per_process", self.trials_per_process, least=1)
        real("patience", self.patience, above=0, of="a worker's ")

    @property
    def here(self) -> int:
        """The worker processes on this machine."""
        return self.workers if self.workers is not None else int(self.listen is None)
