"""Ports that cannot be listened on, in one clear line."""

import errno
import os
import socket

from rnnzoo.serving.server.settings import ServerSettings

__all__ = ["address", "check_port", "check_ports", "check_socket"]

_LONGEST_SOCKET_PATH = 107  # of sockaddr_un


def check_ports(settings: ServerSettings) -> None:
    """Raises an OSError if a port or the socket of a server is not to be had.

    Asked before the models load, which takes seconds.
    """
    for port in (settings.port, settings.rest_api_port):
        if port is not None:
            check_port(settings.host, port)
    if settings.grpc_socket_path:
        check_socket(settings.grpc_socket_path)


def check_port(host: str, port: int) -> None:
    """Raises an OSError that says why nothing can listen there.

    Libraries say only that they could not bind; a socket of our own says why.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen()
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: "is in use: stop the other server, or pass another port (0 picks a free one)",
            errno.EACCES: "needs rights that this user lacks: pass a port above 1023",
        }
        reason = reasons.get(error.errno or 0, f"cannot be listened on: {error.strerror or error}")
        raise OSError(f"port {port} on {host} {reason}.") from error


def check_socket(path: str) -> None:
    """Raises an OSError if a server answers at a UNIX socket already; a second one would take it over in silence."""
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise OSError(f"a socket path must have at most {_LONGEST_SOCKET_PATH} bytes, but got {path}.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:  # nobody is there; what a server left behind is no obstacle
            return
    raise OSError(f"the socket {path} is in use: stop the other server, or pass another path.")


def address(host: str, port: int) -> str:
    """`host:port`, with brackets where the host has colons.

    >>> address("::1", 8500)
    '[::1]:8500'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
