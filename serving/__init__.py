"""How a network answers: export, an embedded server, and a client. Each name is imported when first used."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnzoo.serving.client import Client
    from rnnzoo.serving.export import export_model
    from rnnzoo.serving.server.process import Server, make_server

_HOMES = {
    "Client": "client",
    "Server": "server.process",
    "export_model": "export",
    "make_server": "server.process",
}

__all__ = [
    "Client",
    "Server",
    "export_model",
    "make_server",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"rnnzoo.serving.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'rnnzoo.serving' has no attribute {name!r}.")


def __dir__() -> list[str]:
    return __all__
