"""What can go wrong between a client and a server.

ServingError
├── ServerUnavailableError     nobody answers at the address, or the server is too busy
├── DeadlineError              the answer took longer than the client's timeout
├── ModelNotFoundError         no such model, version or signature there
├── InvalidRequestError        the server refused the request: its inputs do not fit
├── ClientClosedError          the client was closed before it had its answer
└── ServerFailedError          the server broke while it answered
"""

__all__ = [
    "ClientClosedError",
    "DeadlineError",
    "InvalidRequestError",
    "ModelNotFoundError",
    "ServerFailedError",
    "ServerUnavailableError",
    "ServingError",
]


class ServingError(Exception):
    """Any of the errors below.

    Args:
        message: one line that says what happened and what helps.
        code: the gRPC status code's number.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class ServerUnavailableError(ServingError):
    """Nobody answers at the address, or the server is too busy."""


class DeadlineError(ServingError):
    """The answer took longer than the client's timeout."""


class ModelNotFoundError(ServingError):
    """There is no such model, version or signature."""


class InvalidRequestError(ServingError):
    """The server refused the request."""


class ClientClosedError(ServingError):
    """The client was closed before it had its answer."""


class ServerFailedError(ServingError):
    """The server broke while it answered."""
