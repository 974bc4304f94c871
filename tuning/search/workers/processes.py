"""The processes of a search on one machine: started, watched, and replaced when they die."""

import multiprocessing
import os
import pickle
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import Any

from rnnzoo.tuning.search.workers.roles import CHIEF, MORE, Address, ChiefError, free_address, role_environment
from rnnzoo.tuning.search.workers.sharing import Sharing

__all__ = ["ProcessDiedError", "run_with_workers"]

_MOST_DEATHS = 5
_TICK = 0.5
_ANY = ("0.0.0.0", "[::]")
_GRACE = 10.0  # seconds that a process has to end once it is told to


class ProcessDiedError(RuntimeError):
    """A process of a search died again and again, or with an error that cannot be handed on."""


def run_with_workers(
    run: Callable[[], object],
    sharing: Sharing,
    *,
    on_tick: Callable[[], None] | None = None,
    notify: Callable[[str], None] | None = None,
) -> None:
    """Run a KerasTuner search in a chief and several workers, each a process of its own.

    `run` is what a script for one process does: it makes a tuner and calls its `search`. Each process calls it, and the
    tuner, any `GuardedTuner`, takes the part that falls to it. A worker's process is replaced after each trial, so that
    memory stays flat; one that dies is replaced, too, and its trial is run again; so is a chief that dies, and it goes
    on with what it had written down. Errors end the search.

    Args:
        run: what each process does; a function of a module, or `functools.partial` of one, for it is pickled. In a
            script, call `run_with_workers` below `if __name__ == "__main__":`.
        sharing: which processes there are; its `before` is called in each before `run` is unpickled, and with it all
            that it imports.
        on_tick: called about twice a second meanwhile.
        notify: called with a line for each process that died and is replaced.

    Raises:
        ValueError: if `run` cannot be pickled.
        ChiefError: if a chief cannot be reached, or its address is taken.
        ProcessDiedError: if a process dies again and again.
        Exception: what `run` raised in a process, with its traceback as a note.

    Example:
        >>> run_with_workers(lambda: None, Sharing(workers=2))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: run must be a function of a module, so that it can be pickled: ...
    """
    given = sharing.chief or sharing.listen
    address = free_address() if given is None else Address.parse(given)
    try:
        payload = [pickle.dumps(one) for one in (sharing.before or _nothing, run)]
    except Exception as error:
        raise ValueError(f"run must be a function of a module, so that it can be pickled: {error}") from error
    reached = Address("127.0.0.1", address.port) if address.host in _ANY else address
    prefix = "worker" if sharing.chief is None else f"{socket.gethostname()}-{os.getpid()}"
    members = [] if sharing.chief is not None else [_Member(payload, role_environment(CHIEF, address), CHIEF)]
    for number in range(sharing.here):
        role = role_environment(
            f"{prefix}-{number}",
            reached,
            number=number,
            limit=sharing.trials_per_process,
            patience=sharing.patience,
        )
        members.append(_Member(payload, role, f"worker {number + 1}"))
    try:
        for member in members:
            member.start()
        _watch(members, on_tick or _nothing, notify or _ignored)
    finally:
        _end([member.process for member in members if member.process is not None])


class _Member:
    """One of the processes, and those that take its place."""

    def __init__(self, payload: Sequence[bytes], role: Mapping[str, str], name: str) -> None:
        self.name = name
        self.process: SpawnProcess | None = None
        self.deaths = 0
        self._payload = payload
        self._role = role
        self._errors: connection.Connection | None = None

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._errors, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_enter, args=(self._payload, dict(self._role), theirs), name=self.name)
        self.process.start()
        theirs.close()

    def raise_error(self) -> None:
        """Raise what the process raised, if it did."""
        assert self._errors is not None
        try:
            if not self._errors.poll():
                return
            error = pickle.loads(self._errors.recv_bytes())
        except EOFError:
            return
        raise error


def _watch(members: Sequence[_Member], on_tick: Callable[[], None], notify: Callable[[str], None]) -> None:
    running = list(members)
    while running:
        by_sentinel = {member.process.sentinel: member for member in running if member.process is not None}
        for sentinel in connection.wait(list(by_sentinel), timeout=_TICK):
            assert isinstance(sentinel, int)
            member = by_sentinel[sentinel]
            try:
                done = _is_done(member, notify)
            except ChiefError:
                _raise_the_chiefs(running)
                raise
            if done:
                running.remove(member)
            else:
                member.start()
        on_tick()
    on_tick()


def _raise_the_chiefs(running: Sequence[_Member]) -> None:
    """A worker knows that the chief failed, the chief knows why."""
    for member in running:
        if member.name == CHIEF and member.process is not None:
            member.process.join(_GRACE)
            member.raise_error()


def _is_done(member: _Member, notify: Callable[[str], None]) -> bool:
    """Whether a process that has ended was the last one in its place."""
    assert member.process is not None
    member.process.join()
    member.raise_error()
    code = member.process.exitcode
    if code == 0:
        return True
    if code == MORE:
        member.deaths = 0
        return False
    member.deaths += 1
    how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    if member.deaths >= _MOST_DEATHS:
        raise ProcessDiedError(f"The {member.name} died {_MOST_DEATHS} times in a row, the last time by {how}.")
    notify(f"The {member.name} died by {how}; another takes its place.")
    return False


def _end(processes: Sequence[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _GRACE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _enter(payload: Sequence[bytes], role: dict[str, str], errors: connection.Connection) -> None:
    """What a process does."""
    os.environ.update(role)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells all; the parent ends the others
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        for step in payload:
            pickle.loads(step)()
    except Exception as error:
        errors.send_bytes(_portable(error))
        raise SystemExit(1) from None


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)  # nobody is left who would replace or end this process


def _portable(error: Exception) -> bytes:
    told = "".join(traceback.format_exception(error))
    try:
        error.add_note(told)
        sent = pickle.dumps(error)
        pickle.loads(sent)
    except Exception:
        sent = pickle.dumps(ProcessDiedError(f"{type(error).__name__}: {error}"))
    return sent


def _nothing() -> None:
    pass


def _ignored(line: str) -> Any:
    pass
