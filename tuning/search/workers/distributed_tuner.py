"""A KerasTuner tuner that is a whole search, its chief or one of its workers, as the environment says."""

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner

from rnnzoo.tuning.search.keras_tuner_inside import is_chief_oracle, is_worker, own_oracle
from rnnzoo.tuning.search.workers.chief import serve
from rnnzoo.tuning.search.workers.oracle_client import PatientOracleClient
from rnnzoo.tuning.search.workers.roles import MORE, Address, patience, process_limit

__all__ = ["DistributedTuner"]


class DistributedTuner(keras_tuner.Tuner):
    """A tuner in KerasTuner's distributed mode, which is chosen by its variables, with what that mode lacks.

    KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT say who a process is, as in KerasTuner. A dead
    worker's trial goes to another; a chief that is killed and started again goes on; idle workers sleep; a second chief
    on one port, and a chief that does not answer, are errors. A search may be begun in one process and resumed in
    several, or the other way round.

    Args:
        args, kwargs: of the KerasTuner class.

    Attributes:
        on_trial: called with each trial once it is over, in the process that has the oracle.
    """

    on_trial: Callable[[Any], None] | None = None
    oracle: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._trials_ended = 0
        # A process that took another's place is no news, though KerasTuner prints that it found the other's file.
        replaced = process_limit() is not None
        with contextlib.redirect_stdout(io.StringIO()) if replaced else contextlib.nullcontext():
            super().__init__(*args, **kwargs)
        if is_worker(self):
            self.oracle = PatientOracleClient(
                own_oracle(self.oracle),
                Address.from_environment(),
                self.tuner_id,
                Path(self.project_dir),
                patience=patience(),
            )

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        if not is_chief_oracle():
            super().search(*fit_args, **fit_kwargs)
            return
        if "verbose" in fit_kwargs:
            self.oracle.verbose = fit_kwargs["verbose"]
        serve(self, Address.from_environment())

    def on_trial_end(self, trial: Any) -> None:
        super().on_trial_end(trial)
        self._trials_ended += 1
        limit = process_limit()
        if is_worker(self) and limit is not None and self._trials_ended >= limit:
            raise SystemExit(MORE)

    def _get_tuner_fname(self) -> str:
        """KerasTuner names it after the process, so that a search resumed by a chief would begin anew."""
        if is_chief_oracle():
            return os.path.join(str(self.project_dir), "tuner0.json")
        return str(super()._get_tuner_fname())
