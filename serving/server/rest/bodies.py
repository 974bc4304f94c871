"""Bodies of requests, read within two bounds: what one may have, and what all of them hold at once."""

import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["Bodies"]

_MOST_UNPACKED_AT_ONCE = 2**20
_GZIP, _ZLIB, _BARE = 31, 15, -15  # zlib's numbers for what stands around packed bytes


class Bodies:
    """Reads bodies, and remembers how much the unanswered ones hold.

    They must come as they were sent, `auto_decompress=False`: aiohttp itself answers packings that it cannot unpack,
    and in plain text. Here they are taken as they are, which is no JSON.

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
            unpacking = _Unpacking(request.headers.get("Content-Encoding", ""))
            async for sent in request.content.iter_any():
                for chunk in unpacking.pieces(sent):
                    size += len(chunk)
                    self._held += len(chunk)
                    self._check(size, size)
                    chunks.append(chunk)
            unpacking.check_end()
            body = b"".join(chunks)
            chunks.clear()
            yield body
        except (zlib.error, HttpProcessingError, ClientPayloadError, web.RequestPayloadError) as error:
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


class _Unpacking:
    """A body's bytes as they come, unpacked as its Content-Encoding says, if that is a packing that is known."""

    def __init__(self, encoding: str) -> None:
        packing = encoding.strip().lower()
        self._packed = packing in ("gzip", "deflate")
        self._unpacker = zlib.decompressobj(_GZIP) if packing == "gzip" else None

    def pieces(self, sent: bytes) -> Iterator[bytes]:
        """What the bytes unpack to, a little at a time, so that a bomb ends at the bound."""
        if not self._packed:
            yield sent
            return
        if self._unpacker is None:  # many send "deflate" without its header, whose first byte ends in 8
            self._unpacker = zlib.decompressobj(_ZLIB if sent[0] & 0xF == 8 else _BARE)
        full = True  # of which more may come although all the bytes are taken
        while (sent or full) and not self._unpacker.eof:
            piece = self._unpacker.decompress(sent, _MOST_UNPACKED_AT_ONCE)
            full = len(piece) == _MOST_UNPACKED_AT_ONCE
            yield piece
            sent = self._unpacker.unconsumed_tail

    def check_end(self) -> None:
        """Raises a zlib.error unless the packed bytes have come to their end."""
        if self._packed and not (self._unpacker and self._unpacker.eof):
            raise zlib.error("the end is missing")
