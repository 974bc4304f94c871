"""What a request can come back with: the status codes of gRPC and TensorFlow, and the error that carries one."""

import enum
import logging

__all__ = ["GONE", "Code", "StatusError", "code_name", "invalid", "status_of_error"]

_log = logging.getLogger(__name__)

GONE = "the caller has gone"
"""What is written down of a request that is cancelled."""


class Code(enum.IntEnum):
    """The codes of google.rpc.Code, which are those of gRPC and of TensorFlow; REST maps the same ones to HTTP."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class StatusError(Exception):
    """A request that is refused or failed: a code, and TensorFlow Serving's own words for it.

    Args:
        code: one of `Code`, or whatever else TensorFlow raises.
        message: what the caller reads.

    >>> str(StatusError(Code.NOT_FOUND, "Servable not found for request: Latest(lstm)"))
    'Servable not found for request: Latest(lstm)'
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message


def invalid(message: str) -> StatusError:
    """The error of a request that is not in order."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def status_of_error(error: Exception) -> StatusError:
    """What a request that failed so comes back with; what nobody meant to raise is logged.

    >>> status_of_error(MemoryError("4 GB")).message
    'out of memory: 4 GB'
    """
    if isinstance(error, StatusError):
        return error
    if isinstance(error, MemoryError):
        return StatusError(Code.RESOURCE_EXHAUSTED, f"out of memory: {error}")
    _log.error("a request failed inside the server", exc_info=error)
    return StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")


def code_name(code: int) -> str:
    """A code as it is printed.

    >>> code_name(5), code_name(99)
    ('NOT_FOUND', '99')
    """
    return Code(code).name if code in Code._value2member_map_ else str(code)
