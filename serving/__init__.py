"""How a network answers: export, an embedded server, and a client. Each name is imported when first used.

What a client can meet: `rnnzoo.serving.errors`.
"""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.serving.async_client import AsyncClient
    from rnnzoo.serving.client import Client
    from rnnzoo.serving.export import export_model
    from rnnzoo.serving.server.process import Server, make_server

_HOMES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "Server": "server.process",
    "export_model": "export",
    "make_server": "server.process",
}

__all__ = [
    "AsyncClient",
    "Client",
    "Server",
    "export_model",
    "make_server",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
