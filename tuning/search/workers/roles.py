"""Who a process is in a search: the chief or a worker, in the environment variables that KerasTuner reads.

Needs no TensorFlow.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "CHIEF",
    "MORE",
    "PATIENCE",
    "Address",
    "ChiefError",
    "check_address_is_free",
    "free_address",
    "patience",
    "process_limit",
    "role_environment",
    "worker_number",
]

CHIEF = "chief"
MORE = 75
"""The exit code of a worker that has run its share of trials and wants another process in its place."""

PATIENCE = 120.0
"""For so many seconds a worker waits for a chief that does not answer, unless it is told another number."""

# Beside KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT.
_PATIENCE = "RNNZOO_CHIEF_PATIENCE"
_LIMIT = "RNNZOO_TRIALS_PER_PROCESS"
_NUMBER = "RNNZOO_WORKER_NUMBER"


class ChiefError(ConnectionError):
    """A chief that cannot be reached, or an address that a chief cannot have."""


@dataclass(frozen=True)
class Address:
    """Where a chief listens.

    Example:
        >>> Address.parse("10.0.0.7:8765")
        Address(host='10.0.0.7', port=8765)
        >>> Address.parse("8765")
        Traceback (most recent call last):
            ...
        ValueError: the address of a chief must be written HOST:PORT, but got '8765'.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"the address of a chief must be written HOST:PORT, but got {text!r}.")
        return cls(host, int(port))

    @classmethod
    def from_environment(cls) -> "Address":
        return cls.parse(f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def check_address_is_free(address: Address) -> None:
    """Raise a `ChiefError` if something listens on an address, or it is not this machine's."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host.strip("[]"), address.port))
    except OSError:
        raise ChiefError(
            f"a chief needs an address of its own, but {address} is taken or not this machine's."
        ) from None


def free_address() -> Address:
    """An address on this machine, for this machine alone, on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", probe.getsockname()[1])


def role_environment(
    tuner_id: str, address: Address, *, number: int = 0, limit: int | None = None, patience: float = PATIENCE
) -> Mapping[str, str]:
    """The variables that make a process the chief or a worker.

    Args:
        tuner_id: `CHIEF`, or the name of a worker; a name that is given again goes on with the trial of the one before.
        address: the chief's.
        number: of the worker on its machine, from 0.
        limit: the trials after which the process ends with the exit code `MORE`; None (default), never.
        patience: how many seconds a worker waits for a chief that does not answer.
    """
    own = tuner_id if tuner_id == CHIEF else tuner_id.replace(CHIEF, "c-")  # by this word KerasTuner knows its chief
    return {
        "KERASTUNER_TUNER_ID": own,
        "KERASTUNER_ORACLE_IP": address.host,
        "KERASTUNER_ORACLE_PORT": str(address.port),
        _NUMBER: str(number),
        _PATIENCE: str(patience),
        **({} if limit is None else {_LIMIT: str(limit)}),
    }


def patience() -> float:
    """How many seconds this worker waits for a chief that does not answer."""
    return float(os.environ.get(_PATIENCE, PATIENCE))


def process_limit() -> int | None:
    """The trials that this process runs before another takes its place; None for no limit."""
    limit = os.environ.get(_LIMIT)
    return None if limit is None else int(limit)


def worker_number() -> int:
    """Which of its machine's workers this process is, from 0."""
    return int(os.environ.get(_NUMBER, "0"))
