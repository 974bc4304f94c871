"""Clients in a process of their own: `serving_load.py ADDRESS CLIENTS SECONDS FILE`, one JSON object a second of work.

FILE holds the serialized requests, each behind its length (four bytes); they are sent in turn, by gRPC without any
reading or writing of messages here: what is measured is the server. An `http://` address gets them as POST bodies.
"""

import asyncio
import itertools
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

__all__ = ["read_requests", "write_requests"]


def write_requests(path: Path, requests: list[bytes]) -> None:
    path.write_bytes(b"".join(struct.pack("<I", len(request)) + request for request in requests))


def read_requests(path: Path) -> Iterator[bytes]:
    data, position = path.read_bytes(), 0
    while position < len(data):
        (length,) = struct.unpack_from("<I", data, position)
        yield data[position + 4 : position + 4 + length]
        position += 4 + length


async def main(address: str, clients: int, seconds: float, requests: list[bytes]) -> None:
    turn = itertools.cycle(requests)
    codes: Counter[str] = Counter()
    times: list[tuple[float, float]] = []  # when, how long
    until = time.monotonic() + seconds

    async def client(ask: Callable[[bytes], Awaitable[str]]) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            code = await ask(next(turn))
            codes[code] += 1
            times.append((time.time(), time.monotonic() - began))
            if code == "UNAVAILABLE":
                return

    if address.startswith("http"):
        await over_http(address, client, clients)
    else:
        await over_grpc(address, client, clients)
    print(json.dumps({"codes": codes, "times": times}))


async def over_grpc(address: str, client: Callable[..., Awaitable[None]], clients: int) -> None:
    import grpc

    async with grpc.aio.insecure_channel(address, [("grpc.enable_retries", 0)]) as channel:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

        async def ask(request: bytes) -> str:
            try:
                await predict(request, timeout=60)
            except grpc.aio.AioRpcError as error:
                return error.code().name
            return "OK"

        await asyncio.gather(*(client(ask) for _ in range(clients)))


async def over_http(address: str, client: Callable[..., Awaitable[None]], clients: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:

        async def ask(request: bytes) -> str:
            headers = {"Content-Type": "application/json"}
            async with session.post(address, data=request, headers=headers) as response:
                await response.read()
                return "OK" if response.status == 200 else str(response.status)

        await asyncio.gather(*(client(ask) for _ in range(clients)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), list(read_requests(Path(sys.argv[4])))))
