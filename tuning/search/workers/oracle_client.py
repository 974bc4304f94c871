"""A worker's side of KerasTuner's protocol, patient where KerasTuner's own spins, hangs or gives up."""

import contextlib
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import keras_tuner

from rnnzoo.tuning.search.keras_tuner_inside import OracleClient, get_service, get_service_grpc
from rnnzoo.tuning.search.search_folder import MAX_TRIALS
from rnnzoo.tuning.search.workers.roles import Address, ChiefError

__all__ = ["LOST", "SEARCH", "TUNER_ID", "LostChiefError", "PatientOracleClient", "search_digest"]

TUNER_ID = "rnnzoo-tuner-id"
"""The header that says which worker asks: KerasTuner says so only where it asks for a trial."""

SEARCH = "rnnzoo-search"
"""The header that says which search a worker is of, see `search_digest`."""

LOST = "rnnzoo-trial-lost"
"""The header of an answer to a worker whose trial was given to another."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_BEAT = 10.0
_FOLDER_SECONDS = 10.0  # until a file that the chief has written must be seen in a shared folder

# A chief that is killed takes the calls under way with it; they are made again once it is back.
_AGAIN = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.5s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_OPTIONS = [
    ("grpc.service_config", json.dumps(_AGAIN)),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.enable_http_proxy", 0),
]


class LostChiefError(keras_tuner.errors.FatalError, ChiefError):
    """A chief that does not answer any more. It is no fault of the trial's: whoever comes next hands that in."""


class PatientOracleClient(OracleClient):
    """Asks a chief for trials.

    While it runs a trial it tells the chief every few seconds that it is alive. While the chief has no trial to give,
    it sleeps. A chief that is started again is found again.

    Args:
        oracle: the worker's own, of which only the settings are read.
        address: the chief's.
        tuner_id: this worker's.
        project: KerasTuner's folder, which the chief must share.
        patience: how many seconds to wait for a chief that does not answer.
        beat: the seconds between two signs of life.
        on_lost: called, in a thread of its own, if the trial went to another worker because this one was silent for too
            long. By default this process ends at once: two that write to one trial's folder would spoil it.

    Raises:
        ChiefError: if nobody answers.
        LostChiefError: later on, by any call, if nobody answers any more or the chief is that of another search.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        address: Address,
        tuner_id: str,
        project: Path,
        *,
        patience: float,
        beat: float = _BEAT,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(oracle)
        self.tuner_id = tuner_id
        self._address = address
        self._project = project
        self._patience = patience
        self._beat = beat
        self._on_lost = on_lost or _leave
        self._trial_over: threading.Event | None = None
        channel = grpc.insecure_channel(str(address), options=_OPTIONS)
        signed = _Signed({TUNER_ID: tuner_id, SEARCH: search_digest(project)}, patience)
        self.stub = get_service_grpc().OracleStub(grpc.intercept_channel(channel, signed))
        try:
            grpc.channel_ready_future(channel).result(timeout=patience)
        except grpc.FutureTimeoutError:
            channel.close()
            raise ChiefError(
                f"the chief must be reachable, but nobody answers at {address} for {patience:g} seconds."
            ) from None

    def create_trial(self, tuner_id: str) -> Any:
        """The next trial, once there is one, or one with the status STOPPED."""
        pause = _SHORTEST_PAUSE
        while True:
            with self._reached():
                trial = super().create_trial(tuner_id)
            if trial.status != "IDLE":
                break
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.5)
        if trial.status == "RUNNING":
            self._check_folder(trial.trial_id)
            self._trial_over = threading.Event()
            threading.Thread(target=self._tell_it_lives, args=(trial.trial_id, self._trial_over), daemon=True).start()
        return trial

    def get_trial(self, trial_id: str) -> Any:
        with self._reached():
            return super().get_trial(trial_id)

    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Any:
        with self._reached():
            return super().update_trial(trial_id, metrics, step)

    def end_trial(self, trial: Any) -> None:
        if self._trial_over is not None:
            self._trial_over.set()
        with self._reached():
            super().end_trial(trial)

    def _tell_it_lives(self, trial_id: str, over: threading.Event) -> None:
        while not over.is_set():
            with contextlib.suppress(grpc.RpcError):  # a chief that is away for a while
                request = get_service().GetTrialRequest(trial_id=trial_id)
                _, call = self.stub.GetTrial.with_call(request, wait_for_ready=True)
                if LOST in dict(call.trailing_metadata()) and not over.is_set():
                    self._on_lost()
                    return
            over.wait(self._beat)

    def _check_folder(self, trial_id: str) -> None:
        """Files between machines may be seen a little later; a folder that is not shared is never seen."""
        file = self._project / f"trial_{trial_id}" / "trial.json"
        if not _waited_for(file.is_file, _FOLDER_SECONDS):
            raise FileNotFoundError(
                f"a worker must share the folder of the search with its chief at {self._address}, "
                f"but {file} is not there."
            )

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
                raise LostChiefError(
                    f"the chief must be reachable, but {self._address} has not answered for {self._patience:g} seconds."
                ) from error
            did = "refused" if error.code() == grpc.StatusCode.FAILED_PRECONDITION else "failed"
            raise LostChiefError(f"the chief at {self._address} {did}: {error.details()}") from error


def search_digest(project: Path) -> str:
    """What the search of a KerasTuner folder is known by: its search.json; empty where there is none.

    A chief that takes its search up again with more trials keeps the workers that it had.
    """
    try:
        told = json.loads((project.parent / "search.json").read_bytes())
    except (OSError, ValueError):
        return ""
    told.pop(MAX_TRIALS, None)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


class _Details(NamedTuple):
    """What gRPC asks of `grpc.ClientCallDetails`, of which it offers no class to make."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


_Interceptor: Any = grpc.UnaryUnaryClientInterceptor  # whose stubs make it generic, which it is not


class _Signed(_Interceptor):
    """Says in each call who calls, and how long an answer may take: KerasTuner waits for an hour."""

    def __init__(self, signature: Mapping[str, str], timeout: float) -> None:
        self._signature = signature
        self._timeout = timeout

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        signed = _Details(
            method=details.method,
            timeout=self._timeout,
            metadata=[*(details.metadata or ()), *self._signature.items()],
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
            compression=details.compression,
        )
        return continuation(signed, request)


def _leave() -> None:
    print("This worker was silent for too long: its trial is another one's now.", file=sys.stderr, flush=True)
    os._exit(1)


def _waited_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
