"""The chief of a search: KerasTuner's oracle behind KerasTuner's protocol, with an eye on who is alive."""

import collections
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial

from rnnzoo.tuning.search.keras_tuner_inside import (
    OracleServicer,
    get_proto,
    get_service,
    get_service_grpc,
    state_file,
    waiting,
)
from rnnzoo.tuning.search.resumption import OVER
from rnnzoo.tuning.search.trial_folder import TrialFolder
from rnnzoo.tuning.search.workers.oracle_client import LOST, SEARCH, TUNER_ID, search_digest
from rnnzoo.tuning.search.workers.roles import Address, ChiefError, check_address_is_free

if TYPE_CHECKING:
    from rnnzoo.tuning.search.workers.distributed_tuner import DistributedTuner

__all__ = ["LEASE", "Chief", "serve"]

LEASE = 60.0
"""After so many seconds without a sign of life a worker's trial is given to another one."""

MOST_LOSSES = 3
"""A trial that has taken so many workers with it is given to no other: it failed."""

_LOOK = 0.5  # seconds between two looks at who is alive


class Chief(OracleServicer):
    """Answers workers.

    A worker that is known to be dead, because a process with its name asks for a trial, or because it has been silent
    for longer than `lease`, loses its trial to the next one that asks. What it may say later on is not heard: a trial
    counts once. Workers of KerasTuner itself, which give no sign of life, are waited for without end. A worker of
    another search is refused, and whatever it asks ends nothing here.

    Args:
        tuner: whose oracle it is, and whose `on_trial` is called with each trial once it is over.
        lease: how long a worker may be silent.

    Attributes:
        failure: what ended the search; None while nothing did.
    """

    def __init__(self, tuner: "DistributedTuner", lease: float = LEASE) -> None:
        super().__init__(tuner.oracle)
        self.failure: Exception | None = None
        self.oracle: Any = tuner.oracle
        self._tuner = tuner
        self._search = search_digest(Path(tuner.project_dir))
        self._lease = lease
        self._lock = threading.RLock()
        self._heard: dict[str, float] = {}
        self._losses: collections.Counter[str] = collections.Counter()

    @property
    def over(self) -> bool:
        """Whether all trials are over and every worker that lives has been told."""
        with self._lock:
            return self.failure is not None or (
                self.stop_triggered and not self._unfinished and not self.oracle.tuner_ids
            )

    def adopt(self, ongoing: dict[str, str]) -> None:
        """Let workers go on with the trials that they had of the chief before, if they are still alive."""
        for tuner_id, trial_id in ongoing.items():
            if trial_id not in waiting(self.oracle):
                continue
            waiting(self.oracle).remove(trial_id)
            file = Path(self._tuner.get_trial_dir(trial_id)) / "trial.json"
            trial = Trial.load(str(file))  # with the metrics, if it had told them
            self.oracle.trials[trial_id] = self.oracle.ongoing_trials[tuner_id] = trial
            self.oracle.tuner_ids.add(tuner_id)
            self._heard[tuner_id] = time.monotonic()

    def release_the_silent(self) -> None:
        """Take the trials of dead workers from them."""
        with self._lock:
            now = time.monotonic()
            for tuner_id in [one for one, heard in self._heard.items() if now - heard > self._lease]:
                del self._heard[tuner_id]
                if tuner_id in self.oracle.ongoing_trials:
                    self._take_from(tuner_id)
                self.oracle.tuner_ids.discard(tuner_id)

    def GetSpace(self, request: Any, context: Any) -> Any:  # noqa: N802 the protocol's names
        with self._answering(context):
            return super().GetSpace(request, context)

    def GetTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._answering(context):
            if _caller(context) is not None and not self._owns(context, request.trial_id):
                context.set_trailing_metadata(((LOST, "1"),))
            return get_service().GetTrialResponse(trial=self._trial(request.trial_id).to_proto())

    def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._answering(context):
            if self.failure is None and request.tuner_id in self.oracle.ongoing_trials:
                self._take_from(request.tuner_id)  # a new process has the name of one that died
            if self.failure is not None:
                return get_service().CreateTrialResponse(trial=_stopped().to_proto())
            response = super().CreateTrial(request, context)
            if response.trial.status == get_proto().TrialStatus.STOPPED and self._unfinished:
                response.trial.status = get_proto().TrialStatus.IDLE  # stay: whoever runs the last one may die
                self.oracle.tuner_ids.add(request.tuner_id)
            return response

    def UpdateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._answering(context):
            if self._owns(context, request.trial_id):
                metrics = self._exactly(request.trial_id, dict(request.metrics))
                trial = self.oracle.update_trial(request.trial_id, metrics, step=request.step)
            else:
                trial = self._trial(request.trial_id)
            return get_service().UpdateTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._answering(context):
            trial = Trial.from_proto(request.trial)
            if self.failure is None and self._owns(context, trial.trial_id):
                outcome = self._folder(trial.trial_id).outcome()
                trial.message = None if outcome is None else outcome.message  # the protocol has no room for it
                self._end(trial)
            return get_service().EndTrialResponse()

    @property
    def _unfinished(self) -> bool:
        return bool(self.oracle.ongoing_trials or waiting(self.oracle))

    @contextlib.contextmanager
    def _answering(self, context: Any) -> Iterator[None]:
        with self._lock:
            tuner_id = _caller(context)
            if _header(context, SEARCH) not in (None, self._search):
                context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "a worker must be of the search that its chief runs, but this one's search.json is another.",
                )
            if tuner_id is not None:
                self._heard[tuner_id] = time.monotonic()
            try:
                yield
            except Exception as error:
                self.failure = self.failure or error  # what KerasTuner's oracle raises ends a search
                context.abort(grpc.StatusCode.INTERNAL, " ".join(str(error).split()) or type(error).__name__)

    def _trial(self, trial_id: str) -> Any:
        """The trial, or one that is over where there is none of that name: a worker may be left from another search."""
        return self.oracle.get_trial(trial_id) if trial_id in self.oracle.trials else _stopped()

    def _owns(self, context: Any, trial_id: str) -> bool:
        """Whether the caller has this trial: not if another took it over in the meantime, or it is over."""
        caller = _caller(context)
        owners = [owner for owner, trial in self.oracle.ongoing_trials.items() if trial.trial_id == trial_id]
        return bool(owners) and caller in (None, *owners)

    def _end(self, trial: Any) -> None:
        try:
            self.oracle.end_trial(trial)
        except RuntimeError as error:  # too many in a row failed
            self.failure = error
        if self._tuner.on_trial is not None:
            self._tuner.on_trial(self.oracle.trials[trial.trial_id])

    def _take_from(self, tuner_id: str) -> None:
        trial = self.oracle.ongoing_trials[tuner_id]
        self._losses[trial.trial_id] += 1
        if self._losses[trial.trial_id] >= MOST_LOSSES:
            trial.status = "FAILED"
            trial.message = f"{MOST_LOSSES} processes died of it, one after the other."
            self._end(trial)
            return
        del self.oracle.ongoing_trials[tuner_id]
        trial.metrics = type(trial.metrics)()
        waiting(self.oracle).append(trial.trial_id)
        self.oracle.save()

    def _exactly(self, trial_id: str, metrics: dict[str, float]) -> dict[str, float]:
        """Metrics travel with 24 bits; the trial's folder has all 53."""
        outcome = self._folder(trial_id).outcome()
        exact = {} if outcome is None else outcome.metrics
        return {
            name: exact[name] if name in exact and np.float32(exact[name]) == np.float32(value) else value
            for name, value in metrics.items()
        }

    def _folder(self, trial_id: str) -> TrialFolder:
        return TrialFolder(Path(self._tuner.get_trial_dir(trial_id)))


def serve(tuner: "DistributedTuner", address: Address, lease: float = LEASE) -> None:
    """Answer workers until the search is over.

    Raises:
        ChiefError: if the address is not this machine's, or something listens there.
        Exception: what ended the search, if it did not come to its end.
    """
    chief = Chief(tuner, lease)
    # One thread, for KerasTuner's lock knows threads by their names; no second chief may share the port unnoticed.
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    get_service_grpc().add_OracleServicer_to_server(chief, server)
    check_address_is_free(address)
    if not server.add_insecure_port(str(address)):
        raise ChiefError(f"a chief must be able to listen on its address, but got {address}.")
    chief.adopt(_ongoing(tuner.oracle))
    tuner.save()
    server.start()
    try:
        while not chief.over:
            time.sleep(_LOOK)
            chief.release_the_silent()
    finally:
        server.stop(grace=2.0).wait()
    if chief.failure is not None:
        raise chief.failure


def _ongoing(oracle: Any) -> dict[str, str]:
    """Who had which trial of the chief before, from its file."""
    try:
        told = json.loads(state_file(oracle).read_text(encoding="utf-8"))["ongoing_trials"]
    except FileNotFoundError:
        return {}
    return {
        tuner_id: trial_id
        for tuner_id, trial_id in told.items()
        if trial_id in oracle.trials and oracle.trials[trial_id].status not in OVER and tuner_id != "tuner0"
    }


def _stopped() -> Any:
    return Trial(keras_tuner.HyperParameters(), "", status="STOPPED")


def _caller(context: Any) -> str | None:
    """The worker that calls; None if it is one of KerasTuner itself."""
    return _header(context, TUNER_ID)


def _header(context: Any, wanted: str) -> str | None:
    return next((value for name, value in context.invocation_metadata() if name == wanted), None)
