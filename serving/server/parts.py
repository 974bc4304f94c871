"""What answers in the server's loop: the services of the gRPC port, and whatever listens beside it."""

from collections.abc import Callable
from typing import Protocol

import grpc

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.repository import config_polling
from rnnzoo.serving.server.rest import port as rest_port
from rnnzoo.serving.server.services import health, model_service, prediction_service, profiling, reflection, speaking

__all__ = ["GRPC_SERVICES", "PARTS", "Part"]


class Part(Protocol):
    """Something with a start and an end in the loop, such as the REST port."""

    async def start(self) -> None:
        """Binds and answers from now on; raises OSError where a port cannot be had."""
        ...

    async def stop(self, grace: float | None) -> None:
        """Takes no new requests and gives those under way `grace` seconds; None ends them now."""
        ...


GRPC_SERVICES: tuple[Callable[[grpc.aio.Server, Core], None], ...] = (
    prediction_service.add_to,
    model_service.add_to,
    speaking.add_to,
    health.add_to,
    reflection.add_to,
    profiling.add_to,
)
"""Each adds its service to the server, before it starts."""

PARTS: tuple[Callable[[Core], Part | None], ...] = (
    config_polling.make_part,
    rest_port.make_part,
)
"""Each makes a part of its own from the core, or None if the settings want none."""
