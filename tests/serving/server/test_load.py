"""Real processes, real signals, many clients: nothing that was accepted is lost."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from rnnzoo.models import LanguageModel
from rnnzoo.serving import export_model, make_server

CLIENTS = 8


def request(**inputs: Any) -> bytes:
    message = predict_pb2.PredictRequest(model_spec={"name": "default"})
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message.SerializeToString()


class Load:
    """Clients that ask one question after the other until they are told to stop, in a thread of their own."""

    def __init__(self, address: str, message: bytes) -> None:
        self.codes: Counter[grpc.StatusCode] = Counter()
        self.details: list[str] = []
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(address, message)))
        self._thread.start()

    def wait_for(self, answers: int) -> None:
        until, goal = time.monotonic() + 60, self.codes[grpc.StatusCode.OK] + answers
        while self.codes[grpc.StatusCode.OK] < goal:
            assert time.monotonic() < until, self.details[:3]
            time.sleep(0.01)

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(60)

    async def _main(self, address: str, message: bytes) -> None:
        # No retries: what the server says is what counts.
        async with grpc.aio.insecure_channel(address, [("grpc.enable_retries", 0)]) as channel:
            await asyncio.gather(*(self._client(channel, message) for _ in range(CLIENTS)))

    async def _client(self, channel: grpc.aio.Channel, message: bytes) -> None:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        while not self.stopping.is_set():
            try:
                await predict(message, timeout=60)
                self.codes[grpc.StatusCode.OK] += 1
            except grpc.aio.AioRpcError as error:
                self.codes[error.code()] += 1
                self.details.append(error.details() or "")
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    return


@pytest.fixture
def serve(exported: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    processes = []

    def start() -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "rnnzoo", "serve", os.fspath(exported), "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 120)[0]
        return process, process.stdout.readline().split(" is served on ")[1].split(";")[0].split()[0]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_sigterm_under_load_loses_nothing(serve: Callable[[], tuple[subprocess.Popen[str], str]]) -> None:
    process, address = serve()
    load = Load(address, request(text=["the game is over ."]))
    try:
        load.wait_for(50)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        load.stop()

    # Each request was answered, or refused before it was taken: whoever is refused may ask elsewhere.
    assert load.codes.keys() <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}, load.details
    refusals = ("the server is ending", "failed to connect")
    assert all(detail.startswith(refusals) for detail in load.details), load.details
    assert (0, "") == (process.returncode, err)


def test_a_reload_under_load_fails_nothing(language_model: LanguageModel, tmp_path: Path) -> None:
    export_model(language_model, tmp_path)
    server = make_server(tmp_path, port=0, poll_seconds=0.1)
    server.start()
    load = Load(server.address, request(text=["the game is over ."]))
    try:
        load.wait_for(50)
        export_model(language_model, tmp_path)
        until = time.monotonic() + 60
        while server.repository.versions != {"default": [2]}:
            assert time.monotonic() < until
            time.sleep(0.05)
        load.wait_for(50)
    finally:
        load.stop()
        server.stop()

    assert {grpc.StatusCode.OK} == load.codes.keys(), load.details[:3]
