"""Bodies of requests, read within two bounds: what one may have, and what all of them hold at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["Bodies"]


class Bodies:
    """Reads bodies, and remembers how much the unanswered ones hold.

    Args:
        most_bytes: of one body, unpacked.
        most_bytes_at_once: of all bodies whose requests are not answered yet. As JSON, lists of numbers take some ten
            times as much memory while they are read.
    """

    def __init__(self, most_bytes: int, most_bytes_at_once: int) -> None:
        self._most = most_bytes
        self._most_at_once = most_bytes_at_once
        self._held = 0

    @asynccontextmanager
    async def body_of(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body, unpacked; it counts until the context ends.

        Raises:
            HTTPRequestEntityTooLarge: as soon as it is announced, or turns out, to be too large.
            StatusError: RESOURCE_EXHAUSTED if others hold too much; INVALID_ARGUMENT if it cannot be unpacked.
        """
        chunks: list[bytes] = []
        size = 0
        try:
            self._check(request.content_length or 0, 0)
            async for chunk in request.content.iter_any():
                size += len(chunk)
                self._held += len(chunk)
                self._check(size, size)
                chunks.append(chunk)
            body = b"".join(chunks)
            chunks.clear()
            yield body
        except (HttpProcessingError, ClientPayloadError, web.RequestPayloadError) as error:
            # TensorFlow Serving takes a gzip body that it cannot unpack for an empty one.
            raise StatusError(Code.INVALID_ARGUMENT, "JSON Parse error: The document is empty") from error
        finally:
            self._held -= size

    def _check(self, size: int, counted: int) -> None:
        if size > self._most:
            raise web.HTTPRequestEntityTooLarge(self._most, size)
        if self._held - counted + size > self._most_at_once:
            raise StatusError(
                Code.RESOURCE_EXHAUSTED,
                f"the server is busy: the bodies of other requests hold {self._held - counted} bytes; try again later.",
            )
