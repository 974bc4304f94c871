"""Packed bodies are read to their last byte, and those whose end is missing are refused."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from rnnzoo.serving.server.rest.bodies import Bodies
from rnnzoo.serving.server.status import Code, StatusError


@dataclass
class Sent:
    """Stands in for a request, and for its content."""

    headers: dict[str, str]
    body: bytes
    content_length: int | None = None

    @property
    def content(self) -> "Sent":
        return self

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self.body


def read(encoding: str, body: bytes) -> bytes:
    async def main() -> bytes:
        request: Any = Sent({"Content-Encoding": encoding}, body)
        async with Bodies(2**22, 2**22).body_of(request) as read:
            return read

    return asyncio.run(main())


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


packings = pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare)]
)


@packings
@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 100, 2**21 + 1])
def test_a_body_is_unpacked_to_its_last_byte(encoding: str, pack: Callable[[bytes], bytes], size: int) -> None:
    assert bytes(size) == read(encoding, pack(bytes(size)))


@packings
def test_a_body_without_its_end_is_refused(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(StatusError, match=r"^JSON Parse error: The document is empty$") as caught:
        read(encoding, pack(b"[1, 0, 0]")[:-1])

    assert Code.INVALID_ARGUMENT == caught.value.code
