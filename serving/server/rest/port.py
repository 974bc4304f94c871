"""The REST port as a part of the server: its start, and its end without losing a request."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from rnnzoo.serving.server.core import Core
from rnnzoo.serving.server.ports import address, check_port
from rnnzoo.serving.server.rest.http_api import RestOptions, make_app

__all__ = ["RestPort", "make_part"]

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LAST_BYTES_SECONDS = 1.0  # to send the answers that are made
# Without a request before connections are cut: each caller's next answer says that it is the last.
_QUIET_SECONDS = 0.25


def _is_of_this_server(record: logging.LogRecord) -> bool:
    """Who speaks no HTTP here, such as a gRPC client on the wrong port, is told so: that is nothing for the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log.addFilter(_is_of_this_server)


class RestPort:
    """Serves the REST API in the server's loop.

    Args:
        host: the interface.
        port: 0 picks a free one.
        app: what answers.

    Attributes:
        port: the one it listens on, once started.
        under_way: how many requests are being answered.
    """

    def __init__(self, host: str, port: int, app: web.Application) -> None:
        self.port = port
        self._host = host
        self.under_way = 0
        self._answered = 0
        self._closed = False
        app.middlewares.append(self._counted)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_log, shutdown_timeout=_LAST_BYTES_SECONDS, auto_decompress=False
        )
        self._site: web.TCPSite | None = None
        self._cleaning = asyncio.Lock()

    @property
    def address(self) -> str:
        """`host:port`."""
        return address(self._host, self.port)

    async def start(self) -> None:
        """Binds and answers from now on.

        Raises:
            OSError: if the port is taken or not allowed.
        """
        check_port(self._host, self.port)  # it says why not, and what helps
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, self._host, self.port)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self, grace: float | None) -> None:
        """Takes no new connections, answers what is under way within `grace` seconds; None ends it now.

        A second call, while the first one waits, may end it earlier.
        """
        site, self._site = self._site, None
        if site is not None and grace:
            await site.stop()
            self._closed = True  # not before: a caller sent away would come back through the door that closes
        if self._closed and grace:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._until_quiet(), grace)
        async with self._cleaning:  # which aiohttp cannot do twice at once
            await self._runner.cleanup()

    async def _until_quiet(self) -> None:
        while self.under_way or self._answered:
            self._answered = 0
            await asyncio.sleep(_QUIET_SECONDS)

    @web.middleware
    async def _counted(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        self.under_way += 1
        try:
            response = await handler(request)
            if self._closed:
                response.force_close()  # so that this caller's next request goes to a server that stays
            return response
        finally:
            self.under_way -= 1
            self._answered += 1


def make_part(core: Core) -> RestPort | None:
    """The REST port that the settings want, or None."""
    settings = core.settings
    if settings.rest_api_port is None:
        return None
    options = RestOptions(
        timeout_in_ms=settings.rest_api_timeout_in_ms,
        cors=settings.rest_api_enable_cors_support,
        monitoring_path=settings.monitoring_path,
        playground=settings.playground,
    )
    return RestPort(settings.host, settings.rest_api_port, make_app(core, options))
